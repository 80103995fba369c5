package provider

import (
	"context"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// advicesFor returns the advices for a repository. For a layout on disk, layoutAdvices come first.
func advicesFor(repository oci.Repository) []advice {
	if _, onDisk := repository.Layout(); onDisk {
		return slices.Concat(layoutAdvices, advices)
	}
	return advices
}

// layoutAdvices are for image layouts on disk, which have neither hosts nor credentials.
var layoutAdvices = []advice{
	{layout.ErrNoLayout, "image", "No image layout", fixed(
		"Check the path: a relative one starts at the directory in which Terraform runs. An image layout is a " +
			"directory with the files oci-layout and index.json; an archive has to be unpacked first. The provider " +
			"does not create a layout.")},
	{layout.ErrSeveralImages, "image", "More than one image", fixed(
		"Name one image by its tag, as oci-layout:DIRECTORY:TAG. If several images have the same tag, name its " +
			"digest, as oci-layout:DIRECTORY@DIGEST. If _manifesto is there more than once, several repositories were " +
			"copied into one layout: keep a layout for each.")},
	{layout.ErrDamaged, "image", "Image layout is damaged", fixed(
		"The directory does not follow the OCI image specification. It may have been copied only in part, or " +
			"another tool may be writing to it. The provider did not change it. Copy or make it again.")},
	{layout.ErrAccess, "image", "Image layout cannot be read or written", fixed(
		"Check that the user who runs Terraform may read the directory and, to change metadata, write to it and to " +
			"its files, that the disk is not full, and that its file system has locks. The provider does not follow " +
			"links that lead out of the directory.")},
	{manifesto.ErrContentMissing, "image", "Content missing", fixed(
		"The manifesto names content that the layout does not have: the layout was probably copied without it. Copy " +
			"the tags _manifesto.pins as well, or create the metadata again to restore it.")},
	{format.ErrMalformed, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{format.ErrNotManifesto, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{format.ErrTooLarge, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{manifesto.ErrVanished, "image", "Manifesto cannot be read", fixed(
		"The layout had a manifesto at first and has none now: something else replaces or changes it. Nothing was " +
			"written. Run the same command again when that is done.")},
	{manifesto.ErrNotConfirmed, "image", "Manifesto not confirmed", fixed(
		"Other writers to the layout were faster. Run the same command again.")},
	{oci.ErrManifestRefused, "image", "Image layout lacks content", fixed(
		"Something that the manifesto must name is no longer in the layout. Run the same command again.")},
	{oci.ErrNotFound, "image", "Image not found", fixed(
		"Check the spelling of the tag or digest, and that the image has been copied into the layout.")},
	{oci.ErrTooLarge, "image", "File too large", fixed(
		"A file of the layout exceeds the provider's limit. Nothing was written.")},
	{oci.ErrDigestMismatch, "image", "Image layout is damaged", fixed(
		"A file does not match the digest in its name. Nothing was written. Copy the layout again.")},
	{context.DeadlineExceeded, "image", timedOut, fixed(
		"Another process may hold the layout's lock. Run the same command again.")},
}

const unreadableLayout = "The tag _manifesto of the layout names something that is not a manifesto, or one that " +
	"cannot be read. The provider did not change it. Inspect it with\n\n" +
	"  oras manifest fetch --oci-layout DIRECTORY:_manifesto\n\n" +
	"and copy the layout again, or remove the tag if you need nothing in it."
