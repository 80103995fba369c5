//go:build !race

package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// judge checks the invariants: what a writer that lives was told is stored is there, unless it was deleted
// later; what is named is there; and it is pinned.
func (s *simulation) judge(image oci.Digest) string {
	if s.endless {
		s.schedule.taken = nil // It says nothing.
		return "the writers do not come to an end"
	}
	if s.registry.broken != "" {
		return s.registry.broken
	}
	var doc *format.Document
	var held *pinIndex
	var err error
	alone(s.registry, func(reader *simulation) {
		remote := simRemote{reader, 0}
		if doc, err = ReadDocument(context.Background(), remote); err == nil {
			pins := newPinner(&tag{repository: remote, log: slog.New(slog.DiscardHandler)})
			held, err = pins.index, pins.readAll(context.Background(), doc)
		}
	})
	if err != nil {
		stored := slices.ContainsFunc(s.done, func(op operation) bool { return op.err == nil })
		if errors.Is(err, oci.ErrNotFound) && !stored {
			return "" // Nobody got as far as a manifesto.
		}
		return fmt.Sprintf("the manifesto cannot be read: %v", err)
	}
	removed := map[string]bool{}
	for _, op := range s.done {
		if op.remove && op.err == nil {
			removed[op.typ] = true
		}
	}
	for _, op := range s.done {
		_, there := doc.Lookup(image, op.typ)
		switch {
		case s.dead[op.writer] && (op.err != nil || !op.settled): // It was told nothing that it lived to tell.
		case s.replayed && errors.Is(op.err, ErrNotConfirmed): // An honest error: the tag went back in time.
		case op.err != nil:
			return fmt.Sprintf("writer %d, %s: %v", op.writer, op.typ, op.err)
		case there == removed[op.typ]:
			return fmt.Sprintf("%s of writer %d, deleted: %t, is there: %t: %s", op.typ, op.writer, removed[op.typ], there, doc.Render())
		}
	}
	for _, entry := range doc.Entries(image) {
		if _, ok := s.registry.blobs[entry.Digest]; !ok {
			return fmt.Sprintf("the content of %s is missing", entry.Type)
		}
		shard, ok := entry.Pin.Shard()
		if ok {
			_, ok = held.size(shard, entry.Digest)
		}
		if !ok {
			return fmt.Sprintf("the content of %s is not pinned", entry.Type)
		}
	}
	return ""
}
