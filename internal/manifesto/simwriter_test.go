//go:build !race

package manifesto

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// prepare stores the manifesto that the writers find.
func prepare(held *simRegistry, w world, key Key) (err error) {
	alone(held, func(s *simulation) {
		store := s.store(0)
		if w.slow {
			store.committer(key.Repository).timing.measured(slowest)
		}
		err = putType(store, key, "before")
	})
	return err
}

// start starts what one writer does.
func (s *simulation) start(group *sync.WaitGroup, writer int, key Key) {
	w, store := s.world, s.store(writer)
	if w.slow && writer == 0 {
		store.committer(key.Repository).timing.measured(slowest)
	}
	group.Go(func() {
		if w.straggler && writer == 2 && s.waitForStart(writer) == crash {
			return
		}
		s.started(writer)
		if w.undoing && writer == 1 {
			s.undo(store, Key{Repository: key.Repository, Image: key.Image, Type: "t0"})
			return
		}
		typ := fmt.Sprint("t", writer)
		s.ended(operation{writer: writer, typ: typ, err: putType(store, key, typ)})
	})
	if !w.more {
		return
	}
	group.Go(func() {
		if s.waitForStart(writer) == crash {
			return
		}
		s.started(writer)
		typ := fmt.Sprint("more", writer)
		s.ended(operation{writer: writer, typ: typ, err: putType(store, key, typ)})
	})
}

// waitForStart waits until the scheduler lets a writer start.
func (s *simulation) waitForStart(writer int) outcome {
	return (simRemote{s, writer}).gate(&call{method: "START"})
}

// putType creates the entry of a type, whose content is its name.
func putType(store *Store, key Key, typ string) error {
	key.Type = typ
	put := Put{Key: key, Content: []byte(typ)}
	if store.options.Signer != nil {
		put.ArtifactType, put.Sign = format.DefaultArtifactType(typ), true
	}
	_, err := store.Put(context.Background(), put)
	return err
}

// undo deletes an entry that it finds.
func (s *simulation) undo(store *Store, key Key) {
	piece, err := store.Get(context.Background(), key)
	if errors.Is(err, ErrNoEntry) {
		return
	}
	if err == nil {
		err = store.remove(context.Background(), key, piece.Digest)
	}
	s.ended(operation{writer: 1, typ: key.Type, remove: true, err: err})
}

// store opens what one writer works with.
func (s *simulation) store(writer int) *Store {
	settle := Adaptive
	if s.world.instant || s.world.without == settling {
		settle = 0
	}
	options := Options{Settle: settle}
	if s.world.signing {
		options.Signer = &pen{name: alice.trusts}
	}
	store := NewStore(func(oci.Repository) Repository { return simRemote{s, writer} }, options)
	store.jitter = func(d time.Duration) time.Duration {
		if d < time.Microsecond {
			return 0 // Not a wait, but a number of looks whose answers nobody uses.
		}
		return d / time.Duration(2+writer) // Each its own, and the same each time.
	}
	return store
}

// operation is one thing that a writer was asked to do.
type operation struct {
	writer int
	typ    string
	remove bool
	err    error
	// settled says that its writer had nothing else under way when it ended.
	settled bool
}

// hasEnded reports whether an operation of a writer has.
func (s *simulation) hasEnded(writer int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.done, func(op operation) bool { return op.writer == writer })
}

func (s *simulation) started(writer int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[writer]++
}

func (s *simulation) ended(op operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[op.writer]--
	op.settled = s.running[op.writer] == 0
	s.done = append(s.done, op)
}
