package provider

import (
	"context"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// advicesFor are the advices for a repository: of a layout on disk first what is said otherwise there.
func advicesFor(repository oci.Repository) []advice {
	if _, onDisk := repository.Layout(); onDisk {
		return slices.Concat(layoutAdvices, advices)
	}
	return advices
}

// layoutAdvices are for image layouts on disk, where there are neither hosts nor credentials.
var layoutAdvices = []advice{
	{layout.ErrNoLayout, "image", "No image layout", fixed(
		"Check the path: a relative one starts at the directory in which Terraform runs. An image layout is a directory with the " +
			"files oci-layout and index.json; an archive has to be unpacked first. The provider does not make one.")},
	{layout.ErrSeveralImages, "image", "More than one image", fixed(
		"Name the one that is meant, by its tag as oci-layout:DIRECTORY:TAG or, where several have the same tag, by its digest as " +
			"oci-layout:DIRECTORY@DIGEST. Where it is _manifesto that is there more than once, several repositories were copied into " +
			"one layout: keep a layout for each.")},
	{layout.ErrDamaged, "image", "Image layout is damaged", fixed(
		"The directory is not what the OCI image specification says. It may have been copied only in part, or another tool may be " +
			"writing to it. It was not changed. Copy or make it again.")},
	{layout.ErrAccess, "image", "Image layout cannot be read or written", fixed(
		"Check that the user who runs Terraform may read the directory and, to change metadata, write to it and to what is in it, that " +
			"the disk is not full, and that its file system has locks. Links that lead out of the directory are not followed.")},
	{manifesto.ErrContentMissing, "image", "Content missing", fixed(
		"The manifesto names content that the layout does not have: the layout was probably copied without it. Copy the tags " +
			"_manifesto.pins as well, or create the metadata anew to restore it.")},
	{manifesto.ErrMalformed, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{manifesto.ErrNotManifesto, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{manifesto.ErrTooLarge, "image", "Manifesto cannot be read", fixed(unreadableLayout)},
	{manifesto.ErrVanished, "image", "Manifesto cannot be read", fixed(
		"The layout had a manifesto at first and now has none: something else replaces or changes it. Nothing was written. " +
			"Run the same command again when that is done.")},
	{manifesto.ErrNotConfirmed, "image", "Manifesto not confirmed", fixed(
		"Other writers to the layout were faster. Run the same command again.")},
	{oci.ErrManifestRefused, "image", "Image layout lacks content", fixed(
		"Something that the manifesto has to name is not in the layout any more. Run the same command again.")},
	{oci.ErrNotFound, "image", "Image not found", fixed(
		"Check the spelling of the tag or digest, and that the image has been copied into the layout.")},
	{oci.ErrTooLarge, "image", "File too large", fixed(
		"A file of the layout exceeds the provider's limit. Nothing was written.")},
	{oci.ErrDigestMismatch, "image", "Image layout is damaged", fixed(
		"A file does not have the digest that it is named by. Nothing was written. Copy the layout again.")},
	{context.DeadlineExceeded, "image", "Timeout", fixed(
		"Another process may hold the layout's lock. Run the same command again; for a resource, timeouts sets how long it may take.")},
}

const unreadableLayout = "The tag _manifesto of the layout names something that is not a manifesto, or not one that can be read. It was " +
	"not changed. Look at it with\n\n  oras manifest fetch --oci-layout DIRECTORY:_manifesto\n\n" +
	"and copy the layout again, or remove the tag if nothing in it is needed."
