package manifesto

import (
	"cmp"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// burst is what committer.run has done since it was last idle.
type burst struct {
	// pins are the pin manifests that it has put and not confirmed yet.
	pins map[int]pinPut
	// edits maps a key to its last answered edits, one for each reference, which the manifesto must have when the burst
	// settles.
	edits map[Key][]answered
	// last is the digest of the last version that the burst has stored; empty if there was none.
	last oci.Digest
	// put is when the last PUT of the manifesto ended; zero if there was none. failed says that this PUT failed.
	put    time.Time
	failed bool
	// artifacts are those that the burst has superseded, by the image that they are attached to.
	artifacts map[oci.Digest][]oci.Digest
	// published are the types of the pieces that the burst has published or withdrawn, by image.
	published map[oci.Digest]map[string]bool
	// signatures are those that the burst has replaced, by the artifact that they sign.
	signatures map[oci.Digest][]oci.Digest
	// unsigned are artifacts that stay without their signatures, and the images that they are attached to.
	unsigned map[oci.Digest]oci.Digest
	// replaced are manifests that the burst has replaced, and which others may have signed.
	replaced []oci.Digest
}

// answered is an edit whose caller was told that it is stored.
type answered struct {
	edit
	// in is the digest of the version that has the edit.
	in oci.Digest
	// at is a time by which that version was stored.
	at time.Time
	// again is the ticket with which to store the edit once more.
	again *ticket
}

func newBurst() *burst {
	return &burst{
		pins: map[int]pinPut{}, edits: map[Key][]answered{},
		artifacts: map[oci.Digest][]oci.Digest{}, signatures: map[oci.Digest][]oci.Digest{},
		published: map[oci.Digest]map[string]bool{}, unsigned: map[oci.Digest]oci.Digest{},
	}
}

// add records tickets whose changes are in a version that was stored by now.
func (b *burst) add(tickets []*ticket, v *version) {
	now := time.Now()
	for _, t := range tickets {
		for _, e := range t.change {
			earlier := slices.DeleteFunc(b.edits[e.key], func(old answered) bool { return e.supersedes(old.edit) })
			again := newTicket(t.ctx, change{e})
			b.edits[e.key] = append(earlier, answered{edit: e, in: v.digest, at: now, again: again})
		}
	}
}

// missingFrom returns tickets for the edits of the burst that a version lacks, the same ones until they are stored.
// Each ticket has one edit, because the callers of the original tickets have their answers. If the version descends
// from the one with the edit, its writer has seen the edit and may have changed the entry since.
func (b *burst) missingFrom(v *version) []*ticket {
	if b.isIn(v) {
		return nil
	}
	var lost []*ticket
	for _, edits := range b.edits {
		for _, e := range edits {
			built := e.in == v.digest || slices.Contains(v.Ancestors, e.in)
			if !built && !e.holds(v.doc) {
				lost = append(lost, e.again)
			}
		}
	}
	slices.SortFunc(lost, func(a, b *ticket) int {
		return cmp.Or(cmp.Compare(a.change[0].key.String(), b.change[0].key.String()),
			cmp.Compare(a.change[0].reference, b.change[0].reference))
	})
	return lost
}

// isIn reports whether a version is the last that the burst has stored, or descends from it.
func (b *burst) isIn(v *version) bool {
	return b.last != "" && (v.digest == b.last || slices.Contains(v.Ancestors, b.last))
}

// drop forgets the edit of a ticket that missingFrom has returned.
func (b *burst) drop(t *ticket) {
	key := t.change[0].key
	b.edits[key] = slices.DeleteFunc(b.edits[key], func(e answered) bool { return e.again == t })
}

// forgetSettled forgets the edits that were stored by the given time, if the tag holds a version with the edits of the
// burst. From then on no writer could overwrite them unseen.
func (b *burst) forgetSettled(v *version, by time.Time) {
	if !b.isIn(v) {
		return
	}
	for key, edits := range b.edits {
		edits = slices.DeleteFunc(edits, func(e answered) bool { return !e.at.After(by) })
		if b.edits[key] = edits; len(edits) == 0 {
			delete(b.edits, key)
		}
	}
}
