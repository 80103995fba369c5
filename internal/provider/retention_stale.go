package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// staleEntry is a piece of metadata whose image is gone.
type staleEntry struct {
	key manifesto.Key
	// content is the digest of its content.
	content oci.Digest
}

// name is how the state shows the entry.
func (e staleEntry) name() string { return e.key.Image.String() + "#" + keyOfType(e.key.Type) }

// staleMetadata is the metadata of a repository whose image is gone.
type staleMetadata struct {
	// entries are in the manifesto's order.
	entries []staleEntry
	// allGone says that the registry has none of the images that the manifesto names.
	allGone bool
}

// stale looks for metadata whose image is gone. The model says which types count.
func (d *providerData) stale(ctx context.Context, repository oci.Repository, m *retentionModel) (staleMetadata, error) {
	images, err := d.store.Images(ctx, repository)
	if err != nil {
		return staleMetadata{}, err
	}
	filter := typeFilter{restricted: !m.Types.IsNull(), patterns: stringsIn(m.Types.Elements())}
	kept := stringsIn(m.KeepTypes.Elements())
	counts := func(typ string) bool {
		return filter.shows(typ) &&
			!slices.ContainsFunc(kept, func(pattern string) bool { return matchType(pattern, typ) })
	}
	var candidates, others []oci.Digest
	for _, image := range images {
		if slices.ContainsFunc(image.Entries, func(e format.Entry) bool { return counts(e.Type) }) {
			candidates = append(candidates, image.Digest)
		} else {
			others = append(others, image.Digest)
		}
	}
	gone, err := d.store.Gone(ctx, repository, candidates)
	if err != nil {
		return staleMetadata{}, err
	}
	var found staleMetadata
	for _, image := range images {
		for _, entry := range image.Entries {
			if gone[image.Digest] && counts(entry.Type) {
				key := manifesto.Key{Repository: repository, Image: image.Digest, Type: entry.Type}
				found.entries = append(found.entries, staleEntry{key, entry.Digest})
			}
		}
	}
	if len(gone) == len(candidates) && len(gone) > 0 {
		// The images with other metadata show whether the registry hides all of them.
		goneToo, err := d.store.Gone(ctx, repository, others)
		if err != nil {
			return staleMetadata{}, err
		}
		found.allGone = len(goneToo) == len(others)
	}
	return found, nil
}

// recorded returns the stale metadata that a state shows, as the record of the refresh completes it.
func (m *retentionModel) recorded(repository oci.Repository, record retentionRecord) (staleMetadata, error) {
	found := staleMetadata{allGone: record.AllGone}
	for _, name := range stringsIn(m.Stale.Elements()) {
		text, typeKey, _ := strings.Cut(name, "#")
		image, err := oci.ParseDigest(text)
		if err != nil {
			return staleMetadata{}, fmt.Errorf("stale has %q: %w", name, err)
		}
		key := manifesto.Key{Repository: repository, Image: image, Type: typeOfKey(typeKey)}
		found.entries = append(found.entries, staleEntry{key, record.Contents[name]})
	}
	return found, nil
}

// refuse adds an error if the registry has none of the images and the configuration does not allow to remove their
// metadata. It reports whether it did.
func (s staleMetadata) refuse(m *retentionModel, diags *diag.Diagnostics) bool {
	if !s.allGone || len(s.entries) == 0 || m.AllowEmpty.IsUnknown() || m.AllowEmpty.ValueBool() {
		return false
	}
	diags.AddAttributeError(path.Root("repository"), "No image is left", fmt.Sprintf(
		"The registry has none of the images that the manifesto of repository %s describes. Credentials that may not see "+
			"them, an archive tier or a wrong repository look the same, so nothing is removed.%s\n\nCheck that these images "+
			"are gone. If they are, set allow_empty = true to remove their metadata. terraform destroy makes this plan, too; "+
			"with -refresh=false it does not.", s.entries[0].key.Repository, s.list()))
	return true
}

// warn tells what creating the resource, or changing its types, removes. An existing resource shows it in stale.
func (s staleMetadata) warn(diags *diag.Diagnostics) {
	if len(s.entries) == 0 {
		return
	}
	diags.AddAttributeWarning(path.Root("repository"), "Metadata to remove", fmt.Sprintf(
		"Applying this removes metadata from repository %s whose images are gone: %s.%s",
		s.entries[0].key.Repository, countOf(len(s.entries), "piece"), s.list()))
}

// list lists the first entries.
func (s staleMetadata) list() string { return bulleted(s.entries, staleEntry.name) }

// countOf returns a number and what it counts.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
