package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// stillAttached is the summary of warnings of artifacts that no longer hold.
const stillAttached = "Superseded artifact still attached"

// warnLeftover tells which artifacts and signatures are still attached although they no longer hold.
func warnLeftover(repository oci.Repository, leftover []manifesto.Leftover, diags *diag.Diagnostics) {
	if len(leftover) == 0 {
		return
	}
	help := "Run the command again, or delete them by hand."
	refused := func(left manifesto.Leftover) bool { return errors.Is(left.Reason, oci.ErrDeleteRefused) }
	if slices.ContainsFunc(leftover, refused) {
		help = "The registry does not let this user delete manifests. Delete them with another login or in the " +
			"registry's own interface, or allow deletion."
	}
	diags.AddWarning(stillAttached, fmt.Sprintf(
		"Artifacts of repository %s are no longer in the manifesto, or are not to be signed any more, and could not be "+
			"deleted.%s\n\nTools that look at the artifacts of an image, and not at the manifesto, take them for valid. %s",
		repository, bulleted(leftover, func(l manifesto.Leftover) string {
			what := ""
			if l.Signatures {
				what = "the signatures of "
			}
			return fmt.Sprintf("%s%s of image %s: %s", what, l.Artifact, l.Image, sentence(l.Reason))
		}), help))
}

// warnSuperseded warns of artifacts of a piece that are attached besides the current one: a run was killed before it
// could remove them, or the registry does not delete. The next change of the piece tries again.
func warnSuperseded(
	key manifesto.Key, listed map[oci.Digest]oci.ListedReferrer, current oci.Digest, at path.Path, diags *diag.Diagnostics,
) {
	for _, digest := range superseded(key, listed, current) {
		diags.AddAttributeWarning(at, stillAttached, fmt.Sprintf(
			"The artifact %s is attached to image %s as %q, and the manifesto does not name it. Tools that look at the "+
				"artifacts of the image, and not at the manifesto, take it for valid. The next change of the metadata "+
				"removes it, if the registry deletes manifests; or delete it by hand.",
			key.Repository.Digested(digest), key.Repository.Digested(key.Image), key.Type))
	}
}

// warnWithdrawn is warnSuperseded for a piece that the manifesto does not name any more, as after a destroy that was
// killed.
func (d *providerData) warnWithdrawn(
	ctx context.Context, key manifesto.Key, at path.Path, diags *diag.Diagnostics,
) error {
	listed, err := d.store.Attached(ctx, key.Repository, key.Image)
	if err != nil {
		return err
	}
	for _, digest := range superseded(key, listed, "") {
		diags.AddAttributeWarning(at, stillAttached, fmt.Sprintf(
			"%s is no longer in the manifesto, and its artifact %s is still attached: a run was killed before it could remove "+
				"it, or the registry does not delete. Tools that look at the artifacts of the image, and not at the manifesto, "+
				"take it for valid. Delete it by hand, or apply the resource once more and destroy it: that removes all artifacts "+
				"of the metadata.", upperFirst(describeKey(key)), key.Repository.Digested(digest)))
	}
	return nil
}

// warnWithdrawn warns of artifacts of pieces that the state has and the manifesto has not, as after a destroy that was
// killed.
func (s *bulkSignatures) warnWithdrawn(
	ctx context.Context, located []manifesto.Located, held []manifesto.Key, diags *diag.Diagnostics,
) error {
	if s.before.Attached.IsNull() {
		return nil
	}
	there := make(map[manifesto.Key]bool, len(located))
	for _, l := range located {
		there[l.Key] = true
	}
	slices.SortFunc(held, compareKeys)
	for _, key := range held {
		if there[key] {
			continue
		}
		if err := s.data.warnWithdrawn(ctx, key, path.Root("attached"), diags); err != nil {
			return err
		}
	}
	return nil
}

// superseded returns the artifacts of a piece that are listed besides the current one.
func superseded(key manifesto.Key, listed map[oci.Digest]oci.ListedReferrer, current oci.Digest) []oci.Digest {
	var found []oci.Digest
	for _, digest := range slices.Sorted(maps.Keys(listed)) {
		if digest != current && listed[digest].Annotations[format.AnnotationType] == key.Type {
			found = append(found, digest)
		}
	}
	return found
}
