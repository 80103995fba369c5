package manifesto

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// What a commit sees when it looks at the tag: before its PUT, and after it.

// look asks what the tag holds; an empty digest is a 404. It returns when it began.
func (r *repository) look(ctx context.Context) (looked time.Time, digest oci.Digest, err error) {
	looked = time.Now()
	digest, err = r.remote.HeadManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		return looked, "", nil
	}
	return looked, digest, err
}

// stagger looks once more, or not, at random, before something that has failed is tried again: what is in between
// may fail in a regular way, such as each third connection, and would fail the same request each time. What it sees
// does not matter.
func (r *repository) stagger(ctx context.Context) {
	for range r.jitter(2) {
		_, _, _ = r.look(ctx) // See above.
	}
}

// vanished is the error of a tag that stays away although this run has seen it.
func (r *repository) vanished(seen *version) error {
	return fmt.Errorf("%w: the registry now answers 404 for %s, which this run has read as %s",
		ErrVanished, r.name.Tagged(format.Tag), seen.digest)
}

// stands looks whether the tag still holds the base. Where it holds a rival's manifesto, that is read,
// to start over on. A 404 and a manifesto that the base descends from, or that this run has moved on
// from, come from a lagging replica: it looks again, and never builds on them. That there is no
// manifesto at all takes two answers. It returns when it began the look that counts.
func (r *repository) stands(ctx context.Context, base *version) (looked time.Time, ok bool, err error) {
	var digest oci.Digest
	for look, ended := range looks(ctx) {
		if ended != nil {
			return looked, false, ended
		}
		looked, digest, err = r.look(ctx)
		switch {
		case err != nil:
			return looked, false, err
		case digest == base.digest && (digest != "" || look > 1):
			r.stood(looked)
			return looked, true, nil
		case digest != "" && !r.lags(base, digest, look):
			_, err := r.learn(ctx, digest, looked)
			return looked, false, err
		}
	}
	if digest == "" {
		return looked, false, r.vanished(base)
	}
	return looked, false, fmt.Errorf("%w: %s is %s, an older manifesto than %s", ErrNotConfirmed, r.name.Tagged(format.Tag), digest, base.digest)
}

// lags reports whether a manifesto that the tag shows at the given look comes from a lagging replica: v
// descends from it, or this run has seen it replaced. One of the latter that stays was not replaced after
// all; it was the look which said so that came late.
func (r *repository) lags(v *version, digest oci.Digest, look int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(v.Ancestors, digest) || (r.past[digest] && look < maxLooks)
}

// learn reads the manifesto of a digest that a look, which began at looked, has shown under the tag.
func (r *repository) learn(ctx context.Context, digest oci.Digest, looked time.Time) (*version, error) {
	m, err := getKnown(ctx, r.remote, digest)
	if err != nil {
		return nil, err
	}
	v, err := r.parse(ctx, m)
	if err != nil {
		return nil, err
	}
	r.remember(v, looked)
	return v, nil
}

// confirm finds out what became of a PUT: ours stands, or one that descends from it or has all our edits
// in it, or the base or an older one (a stale read after a success; perhaps a lost request after a
// failure), or a rival's.
func (r *repository) confirm(ctx context.Context, batch []*edit, b *burst, base, next *version, putErr error) ([]*edit, error) {
	for look, ended := range looks(ctx) {
		if ended != nil {
			return batch, ended
		}
		looked, digest, err := r.look(ctx)
		switch {
		case err != nil:
			return batch, err
		case digest == next.digest:
			r.remember(next, looked)
			r.finish(batch, nil, next.doc)
			b.add(batch, next)
			return nil, nil
		case digest != "" && !r.lags(next, digest, look): // The base is an ancestor of ours.
			v, err := r.learn(ctx, digest, looked)
			if err != nil {
				return batch, err
			}
			if slices.Contains(v.Ancestors, next.digest) {
				r.finish(batch, nil, next.doc) // Whoever came after has built on ours.
				b.add(batch, next)
				return nil, nil
			}
			r.lost(next)
			return r.stillMissing(batch, b, v), nil
		}
		if putErr != nil && look == maxLooks/2 {
			return batch, putErr // Most likely it never arrived: start over.
		}
	}
	return batch, fmt.Errorf("%w: the registry accepted %s and still shows %s", ErrNotConfirmed,
		r.name.Digested(next.digest), base.digest)
}

// stillMissing decides the edits that a rival's manifesto has in it, and returns the others.
func (r *repository) stillMissing(batch []*edit, b *burst, v *version) []*edit {
	var rest []*edit
	for _, e := range batch {
		if e.holds(v.doc) {
			r.finish([]*edit{e}, nil, v.doc)
			b.add([]*edit{e}, v)
			continue
		}
		rest = append(rest, e)
	}
	return rest
}
