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

// judge checks the invariants: what a writer that lives was told is stored is there, unless it was deleted later; the
// content of every entry is there; and it is pinned. It returns what is wrong.
func (s *simulation) judge(image oci.Digest) string {
	if s.endless {
		s.schedule.taken = nil // It says nothing.
		return "the writers do not come to an end"
	}
	if s.registry.broken != "" {
		return s.registry.broken
	}
	doc, pins, err := s.read()
	if err != nil {
		stored := slices.ContainsFunc(s.done, func(op operation) bool { return op.err == nil })
		if errors.Is(err, oci.ErrNotFound) && !stored {
			return "" // Nobody got as far as a manifesto.
		}
		return fmt.Sprintf("the manifesto cannot be read: %v", err)
	}
	if wrong := s.judgeOperations(doc, image); wrong != "" {
		return wrong
	}
	if wrong := s.judgeEntries(doc, pins, image); wrong != "" || !s.world.signing {
		return wrong
	}
	return s.judgeSignatures(doc, image)
}

// judgeSignatures checks that what the writers were told is stored verifies, and that the artifacts of the image are
// those of the entries. A writer that was killed may leave others behind.
func (s *simulation) judgeSignatures(doc *format.Document, image oci.Digest) (wrong string) {
	named := map[oci.Digest]bool{}
	alone(s.registry, func(reader *simulation) {
		store, remote := reader.store(0), simRemote{reader, 0}
		for _, entry := range doc.Entries(image) {
			if entry.Artifact == (format.Artifact{}) {
				continue // From before.
			}
			named[entry.Artifact.Digest] = true
			key := Key{Repository: simRepository, Image: image, Type: entry.Type}
			if v, err := store.Verify(context.Background(), key, Demand{Verifier: alice}); err != nil || v.Reason != nil {
				wrong = fmt.Sprintf("%s does not verify: %v, %v", entry.Type, v.Reason, err)
			}
		}
		listed, err := remote.Referrers(context.Background(), image)
		if err != nil {
			wrong = fmt.Sprintf("the artifacts cannot be listed: %v", err)
		}
		for _, artifact := range listed {
			if !named[artifact.Digest] && len(s.dead) == 0 && !s.replayed {
				wrong = fmt.Sprintf("%s is attached, and no entry names it", artifact.Digest)
			}
			delete(named, artifact.Digest)
		}
	})
	if wrong == "" && len(named) > 0 {
		wrong = fmt.Sprintf("artifacts are not attached: %v", named)
	}
	return wrong
}

// read returns what a reader finds in the end.
func (s *simulation) read() (doc *format.Document, pins *pinIndex, err error) {
	alone(s.registry, func(reader *simulation) {
		remote := simRemote{reader, 0}
		if doc, err = ReadDocument(context.Background(), remote); err == nil {
			p := newPinner(&tag{repository: remote, log: slog.New(slog.DiscardHandler)})
			pins, err = p.index, p.readAll(context.Background(), doc)
		}
	})
	return doc, pins, err
}

// judgeOperations checks that the entries are as the writers were told.
func (s *simulation) judgeOperations(doc *format.Document, image oci.Digest) string {
	removed := map[string]bool{}
	for _, op := range s.done {
		if op.remove && op.err == nil {
			removed[op.typ] = true
		}
	}
	for _, op := range s.done {
		_, there := doc.Lookup(image, op.typ)
		switch {
		case s.excuses(op):
		case op.err != nil:
			return fmt.Sprintf("writer %d, %s: %v", op.writer, op.typ, op.err)
		case there == removed[op.typ]:
			return fmt.Sprintf("%s of writer %d, deleted: %t, is there: %t: %s",
				op.typ, op.writer, removed[op.typ], there, doc.Render())
		}
	}
	return ""
}

// excuses reports whether an operation promises nothing: its writer was told nothing that it lived to tell, or the tag
// went back in time and the error says so.
func (s *simulation) excuses(op operation) bool {
	return s.dead[op.writer] && (op.err != nil || !op.settled) || s.replayed && errors.Is(op.err, ErrNotConfirmed)
}

// judgeEntries checks that the content of the entries is there and pinned.
func (s *simulation) judgeEntries(doc *format.Document, pins *pinIndex, image oci.Digest) string {
	for _, entry := range doc.Entries(image) {
		if _, ok := s.registry.blobs[entry.Digest]; !ok {
			return fmt.Sprintf("the content of %s is missing", entry.Type)
		}
		shard, ok := entry.Pin.Shard()
		if !ok || !pins.contains(shard, entry.Digest) {
			return fmt.Sprintf("the content of %s is not pinned", entry.Type)
		}
	}
	return ""
}
