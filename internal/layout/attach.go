package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Attach stores a manifest that names a subject, and lists it in the index without a tag. It does nothing if the index
// lists it already.
//
// The error wraps oci.ErrNotReferrer if the manifest names no subject, and oci.ErrManifestRefused if it names an absent
// blob; the subject itself may be absent. Only oci.ErrAmbiguous means that the index may or may not have changed.
func (l *Layout) Attach(ctx context.Context, m oci.Manifest) error {
	d, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer d.done()
	if err := d.attach(ctx, m); err != nil {
		return fmt.Errorf("attaching manifest %s: %w", d.spell(m.Digest.String()), err)
	}
	return nil
}

func (d directory) attach(ctx context.Context, m oci.Manifest) error {
	m, err := d.checked(m)
	if err != nil {
		return err
	}
	referrer, _, err := oci.ParseAttached(m)
	if err != nil {
		return err
	}
	// Its annotations stay out of the index, where some of them name images.
	target := oci.Descriptor{
		MediaType: referrer.MediaType, Digest: referrer.Digest, Size: referrer.Size, ArtifactType: referrer.ArtifactType,
	}
	return d.alone(ctx, func() error { // The blob, too: a Detach meanwhile would remove it.
		if _, err := d.putBlob(m.Content); err != nil {
			return err
		}
		return d.change(func(ix index) ([]byte, error) {
			if slices.ContainsFunc(ix.entries, func(e entry) bool { return e.Digest == target.Digest }) {
				return ix.text, nil
			}
			return ix.appended(target)
		})
	})
}

// AttachFirst is Attach: a layout has no list that it would have to read.
func (l *Layout) AttachFirst(ctx context.Context, m oci.Manifest) error { return l.Attach(ctx, m) }

// Detach takes manifests that are attached to a subject out of the index, and off the list under the fallback tag of
// the subject if there is one. It deletes those that no other manifest of the layout names. It succeeds for those that
// are not there.
//
// The error wraps oci.ErrDeleteRefused if the layout lists them no more and their files cannot be removed.
func (l *Layout) Detach(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	d, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer d.done()
	err = d.alone(ctx, func() error { return d.detach(subject, digests) })
	if err != nil {
		return fmt.Errorf("detaching from %s: %w", d.spell(subject.String()), err)
	}
	return nil
}

// detach does the work of Detach. The caller holds the lock.
func (d directory) detach(subject oci.Digest, digests []oci.Digest) error {
	obsolete := slices.Clone(digests)
	err := d.change(func(ix index) ([]byte, error) {
		unlisted, list, err := d.unlist(ix, subject, digests)
		if list != "" {
			obsolete = append(obsolete, list)
		}
		if err != nil {
			return nil, err
		}
		return unlisted.without(func(i int) bool { return slices.Contains(digests, unlisted.entries[i].Digest) }), nil
	})
	if err != nil {
		return err
	}
	return d.remove(obsolete)
}

// unlist takes digests off the list under the fallback tag of the subject. It returns the index with that change, and
// the digest of a list that the tag no longer names; empty if there is none.
func (d directory) unlist(
	ix index, subject oci.Digest, digests []oci.Digest,
) (changed index, obsolete oci.Digest, err error) {
	tag := oci.ReferrersTag(subject)
	if len(ix.tagged(tag)) == 0 {
		return ix, "", nil
	}
	list, err := d.manifest(ix, tag)
	if err != nil {
		return ix, "", fmt.Errorf("the tag %s: %w", tag, err)
	}
	edited, entries, err := oci.EditReferrers(list, oci.ReferrersEdit{Remove: digests})
	switch {
	case errors.Is(err, oci.ErrBadResponse): // No list, so that nothing is on it.
		return ix, "", nil
	case err != nil:
		return ix, "", fmt.Errorf("the tag %s: %w", tag, err)
	case edited.Digest == list.Digest:
		return ix, "", nil
	}
	tagged := ix.tagged(tag)
	text := ix.without(func(i int) bool { return slices.Contains(tagged, i) })
	if entries > 0 {
		if _, err = d.putBlob(edited.Content); err == nil {
			text, err = ix.withTag(tag, edited.Descriptor())
		}
	}
	if err == nil {
		changed, err = parseIndex(text)
	}
	return changed, list.Digest, err
}

// remove deletes manifests that no manifest of the layout names any more. The caller holds the lock.
func (d directory) remove(digests []oci.Digest) error {
	ix, err := d.readIndex()
	if err != nil {
		return err
	}
	named, all := d.named(ix)
	for _, digest := range digests {
		name, err := blobPath(digest)
		if err != nil || named[digest] || !all {
			continue // No file has the name of what is no digest.
		}
		if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w: %w", oci.ErrDeleteRefused, ErrAccess, err)
		}
	}
	return nil
}

// named returns the digests that manifests in the index, and in the indexes there, name. all is false if some of the
// manifests cannot be read. Being a subject does not count: a registry deletes a manifest that others are attached to.
func (d directory) named(ix index) (named map[oci.Digest]bool, all bool) {
	named = map[oci.Digest]bool{}
	read := map[oci.Digest]bool{}
	var unread []oci.Digest
	for _, e := range ix.entries {
		unread = append(unread, e.Digest)
	}
	for len(unread) > 0 {
		digest := unread[len(unread)-1]
		unread = unread[:len(unread)-1]
		if read[digest] {
			continue
		}
		read[digest], named[digest] = true, true
		content, err := d.blob(digest, oci.MaxManifestSize)
		if errors.Is(err, oci.ErrNotFound) {
			continue
		}
		var shape manifestShape
		if err == nil {
			err = oci.NewManifest("", content).Decode(&shape)
		}
		if err != nil {
			return nil, false
		}
		for _, descriptor := range shape.named() {
			named[descriptor.Digest] = true
		}
		for _, child := range shape.Manifests {
			unread = append(unread, child.Digest)
		}
	}
	return named, true
}

// DetachAll is Detach: a layout has no list that it would have to read.
func (l *Layout) DetachAll(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	return l.Detach(ctx, subject, digests...)
}
