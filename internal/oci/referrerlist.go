package oci

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// ReferrersEdit changes a list of referrers under a fallback tag.
type ReferrersEdit struct {
	// Add are entries to add at the end. One whose digest is in the list already stays as it is there.
	Add []Descriptor
	// Remove are the digests of entries to take off the list.
	Remove []Digest
}

// EmptyReferrers returns a list of referrers without entries.
func EmptyReferrers() Manifest {
	return NewManifest(MediaTypeOCIIndex,
		[]byte(`{"schemaVersion":2,"mediaType":"`+MediaTypeOCIIndex+`","manifests":[]}`))
}

// EditReferrers returns a list of referrers after some edits, and how many entries it has. All entries that no edit
// names stay as they are, byte for byte and in their order, and so do the fields of the list that are not known here.
// A list that needs no change is returned as it is. The error wraps ErrBadResponse if m is no list of referrers, and
// ErrTooLarge if the list would grow to more than MaxReferrers entries, or has more than MaxManifestSize bytes.
func EditReferrers(m Manifest, edits ...ReferrersEdit) (edited Manifest, entries int, err error) {
	list, err := parseReferrersList(m)
	if err != nil {
		return Manifest{}, 0, err
	}
	before, changed := len(list.entries), false
	for _, edit := range edits {
		changed = list.apply(edit) || changed
	}
	if !changed {
		return m, len(list.entries), nil
	}
	content := list.render()
	switch {
	case len(list.entries) > max(before, MaxReferrers):
		return Manifest{}, 0, fmt.Errorf("the changed list of referrers: %w", ErrTooManyReferrers)
	case len(content) > MaxManifestSize:
		return Manifest{}, 0, fmt.Errorf("%w: the changed list of referrers has %d bytes, the limit is %d",
			ErrTooLarge, len(content), MaxManifestSize)
	}
	edited = NewManifest(MediaTypeOCIIndex, content)
	if err = edited.Check(); err != nil {
		return Manifest{}, 0, err
	}
	return edited, len(list.entries), nil
}

// referrersList is the text of a list of referrers, cut into its entries.
type referrersList struct {
	fields rawjson.Object
	// at is the position of the entries among the fields.
	at      int
	entries []referrersEntry
}

// referrersEntry is the text of an entry, and its digest; empty if it has none.
type referrersEntry struct {
	text   string
	digest Digest
}

func parseReferrersList(m Manifest) (list referrersList, err error) {
	if _, err = ParseReferrers(m); err != nil {
		return list, err
	}
	var own struct {
		MediaType string `json:"mediaType"`
	}
	if err = m.Decode(&own); err != nil {
		return list, fmt.Errorf("%w: the list of referrers: %w", ErrBadResponse, err)
	}
	mediaType := cmp.Or(own.MediaType, m.MediaType) // The second may be a generic one.
	if mediaType != MediaTypeOCIIndex && (own.MediaType != "" || IsManifestType(mediaType)) {
		return list, fmt.Errorf("%w: %q in the place of a list of referrers", ErrBadResponse, mediaType)
	}
	if list.fields, err = rawjson.ParseObject(string(m.Content)); err != nil {
		return list, fmt.Errorf("%w: the list of referrers: %w", ErrBadResponse, err)
	}
	if err = list.findEntries(); err != nil {
		return list, err
	}
	err = rawjson.EachElement(list.fields[list.at].Value, func(text string, _ rawjson.Span) error {
		var entry struct {
			Digest Digest `json:"digest"`
		}
		_ = json.Unmarshal([]byte(text), &entry) // See ParseReferrers.
		list.entries = append(list.entries, referrersEntry{text, entry.Digest})
		return nil
	})
	return list, err
}

// findEntries finds the field with the entries, and adds it if there is none.
func (l *referrersList) findEntries() error {
	l.at = -1
	for i, f := range l.fields {
		switch {
		case !f.EqualFold("manifests"):
		case l.at >= 0:
			return fmt.Errorf("%w: the list of referrers has its entries twice", ErrBadResponse)
		default:
			l.at = i
		}
	}
	if l.at < 0 {
		l.at = len(l.fields)
		l.fields = append(l.fields, rawjson.NewField("manifests", "[]"))
	}
	return nil
}

// apply changes the entries, and reports whether it did.
func (l *referrersList) apply(edit ReferrersEdit) bool {
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, func(e referrersEntry) bool { return slices.Contains(edit.Remove, e.digest) })
	changed := len(l.entries) != before
	for _, d := range edit.Add {
		if !slices.ContainsFunc(l.entries, func(e referrersEntry) bool { return e.digest == d.Digest }) {
			l.entries = append(l.entries, referrersEntry{rawjson.Encode(d), d.Digest})
			changed = true
		}
	}
	return changed
}

func (l *referrersList) render() []byte {
	texts := make([]string, len(l.entries))
	for i, e := range l.entries {
		texts[i] = e.text
	}
	l.fields[l.at].Value = "[" + strings.Join(texts, ",") + "]"
	return l.fields.AppendTo(nil)
}
