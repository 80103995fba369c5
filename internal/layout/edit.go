package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// tag points a tag in index.json at a manifest. If the lock is not free before latest, the error is oci.ErrLate.
func (d directory) tag(ctx context.Context, tag string, target oci.Descriptor, latest time.Time) error {
	return d.alone(ctx, func() error {
		if !d.locked && !latest.IsZero() && time.Now().After(latest) {
			return oci.ErrLate
		}
		return d.change(func(ix index) ([]byte, error) { return ix.withTag(tag, target) })
	})
}

// alone runs work while the layout's lock is held: that of Exclusively, or one of its own.
func (d directory) alone(ctx context.Context, work func() error) error {
	if d.locked {
		return work()
	}
	return d.withLock(ctx, work)
}

// change replaces index.json with the text that edit returns. The caller holds the lock.
func (d directory) change(edit func(index) ([]byte, error)) error {
	d.swept.Do(d.sweep)
	ix, err := d.readIndex()
	if err != nil {
		return err
	}
	text, err := edit(ix)
	if err != nil || bytes.Equal(text, ix.text) {
		return err
	}
	if len(text) > maxIndex {
		return fmt.Errorf("%w: %s would have %d bytes, the limit is %d",
			oci.ErrTooLarge, d.path(indexFile), len(text), maxIndex)
	}
	if err := indexLimits.Check(text); err != nil {
		return fmt.Errorf("%w: %s: the changed index %w", oci.ErrTooLarge, d.path(indexFile), err)
	}
	return d.replaceIndex(text)
}

// replaceIndex replaces index.json. An error means that nothing has changed, unless it is oci.ErrAmbiguous.
func (d directory) replaceIndex(text []byte) error {
	info, err := d.stat(indexFile)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAccess, err)
	}
	temporary, err := d.writeTemporary(".", text, info.Mode().Perm())
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", ErrAccess, d.path(indexFile), err)
	}
	return d.publishIndex(temporary)
}

// publishIndex gives the new index its final name. Every error is oci.ErrAmbiguous: either index may have the name.
func (d directory) publishIndex(temporary string) error {
	if err := d.rename(temporary, indexFile); err != nil {
		return fmt.Errorf("%w: %w: writing %s: %w", oci.ErrAmbiguous, ErrAccess, d.path(indexFile), err)
	}
	return nil
}

// withTag returns the text of the index with a tag pointed at another manifest. Everything else stays byte for byte.
func (ix index) withTag(tag string, target oci.Descriptor) ([]byte, error) {
	current, err := ix.find(tag)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		target.Annotations = map[string]string{annotationName: tag}
		return ix.appended(target)
	case err != nil:
		return nil, err // The tag would stay ambiguous if one of several entries changed.
	case current.Digest == target.Digest:
		return ix.text, nil
	}
	text := slices.Clone(ix.text)
	for _, i := range slices.Backward(ix.tagged(tag)) { // Backwards, so that earlier offsets stay valid.
		at := ix.entries[i].at
		changed, err := retarget(string(ix.text[at.Start:at.End]), target)
		if err != nil {
			return nil, err
		}
		text = slices.Replace(text, at.Start, at.End, changed...)
	}
	return text, nil
}

// appended returns the text of the index with a descriptor added at the end of its list.
func (ix index) appended(target oci.Descriptor) ([]byte, error) {
	added, err := json.Marshal(target)
	if err != nil {
		return nil, fmt.Errorf("encoding a descriptor: %w", err)
	}
	if len(ix.entries) == 0 {
		added = slices.Concat([]byte("["), added, []byte("]"))
		return slices.Replace(slices.Clone(ix.text), ix.list.Start, ix.list.End, added...), nil
	}
	end := ix.entries[len(ix.entries)-1].at.End
	return slices.Insert(slices.Clone(ix.text), end, append([]byte(","), added...)...), nil
}

// without returns the text of the index without the entries at the positions that drop accepts. Everything else stays
// byte for byte.
func (ix index) without(drop func(int) bool) []byte {
	text := slices.Clone(ix.text)
	for last := len(ix.entries) - 1; last >= 0; last-- { // Backwards, so that earlier offsets stay valid.
		if !drop(last) {
			continue
		}
		first := last
		for first > 0 && drop(first-1) {
			first--
		}
		start, end := ix.entries[first].at.Start, ix.entries[last].at.End
		switch { // With the comma before or behind them.
		case last < len(ix.entries)-1:
			end = ix.entries[last+1].at.Start
		case first > 0:
			start = ix.entries[first-1].at.End
		}
		text = slices.Delete(text, start, end)
		last = first
	}
	return text
}

// stale lists the fields of a descriptor that describe the manifest it pointed at before.
var stale = []string{"data", "urls", "platform", "artifactType"}

// retarget returns a descriptor that points at another manifest. Its other fields stay, its annotations among them.
// Field names are compared as encoding/json compares them: without case.
func retarget(descriptor string, target oci.Descriptor) ([]byte, error) {
	fields, err := rawjson.ParseObject(descriptor)
	if err != nil {
		return nil, fmt.Errorf("reading a descriptor: %w", err)
	}
	encoded, err := json.Marshal(oci.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size})
	if err != nil {
		return nil, fmt.Errorf("encoding a descriptor: %w", err)
	}
	ours, err := rawjson.ParseObject(string(encoded))
	if err != nil {
		return nil, fmt.Errorf("encoding a descriptor: %w", err)
	}
	written := make([]bool, len(ours))
	out := make(rawjson.Object, 0, len(fields)+len(ours))
	for _, f := range fields {
		i := slices.IndexFunc(ours, func(own rawjson.Field) bool { return f.EqualFold(own.Name()) })
		switch {
		case i >= 0 && !written[i]:
			out, written[i] = append(out, ours[i]), true
		case i < 0 && !slices.ContainsFunc(stale, f.EqualFold):
			out = append(out, f)
		}
	}
	for i, own := range ours {
		if !written[i] {
			out = append(out, own)
		}
	}
	return out.AppendTo(nil), nil
}
