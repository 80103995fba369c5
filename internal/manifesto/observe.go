package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// observation is what looks at the tag showed.
type observation struct {
	// began is when the look that counts began.
	began time.Time
	kind  observed
	// digest is what the tag holds; empty for a 404.
	digest oci.Digest
	// found is the manifesto that the tag holds instead of the expected one; nil unless kind is another.
	found *version
}

// observed classifies what the tag holds.
type observed int

const (
	// outdated: the tag keeps showing nothing, or a manifesto older than the expected one.
	outdated observed = iota
	// standing: the tag holds the expected version.
	standing
	// another: the tag holds a manifesto that is not older than the expected one.
	another
)

// lastLook says what to make of an older manifesto that is still under the tag at the last look.
type lastLook int

const (
	// distrustLast: a lagging replica still shows it.
	distrustLast lastLook = iota
	// trustLast: the tag does hold it, because something has sent an old PUT again.
	trustLast
)

// look asks what the tag holds, once; an empty digest is a 404. It returns when it began.
func (t *tag) look(ctx context.Context) (began time.Time, digest oci.Digest, err error) {
	began = time.Now()
	digest, err = t.repository.HeadManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		digest, err = "", nil
	}
	t.log.LogAttrs(ctx, logs.LevelTrace, "looked at the tag", slog.String("holds", digest.String()))
	return began, digest, err
}

// observe looks at the tag, at most limit times, until it shows the expected version or one that is not older. An older
// one, and a 404, come from a lagging replica: the protocol never builds on them. Absence, if that is expected, takes
// two answers. A manifesto that is not the expected one is read, and is the current version from then on.
func (t *tag) observe(ctx context.Context, expected *version, limit int, last lastLook) (observation, error) {
	var seen observation
	for poll, ended := range polls(ctx) {
		if ended != nil {
			return seen, ended
		}
		began, digest, err := t.look(ctx)
		seen = observation{began: began, digest: digest}
		switch {
		case err != nil:
			return seen, err
		case digest == expected.digest && (digest != "" || poll > 1):
			t.state.stands(expected, began)
			seen.kind = standing
			return seen, nil
		case digest != "" && !t.lags(digest, expected, poll, last):
			seen.kind = another
			seen.found, err = t.learn(ctx, digest, began)
			return seen, err
		}
		if poll == limit {
			break
		}
	}
	return seen, nil
}

// stands reports whether the tag still holds the base, and when the look that shows it began. If it holds a rival's
// manifesto, that is the current version from then on.
func (t *tag) stands(ctx context.Context, base *version) (began time.Time, ok bool, err error) {
	seen, err := t.observe(ctx, base, maxPolls, distrustLast)
	switch {
	case err != nil || seen.kind != outdated:
		return seen.began, seen.kind == standing && err == nil, err
	case seen.digest == "":
		return seen.began, false, t.vanished(base)
	}
	return seen.began, false, fmt.Errorf("%w: %s is %s, an older manifesto than %s",
		ErrNotConfirmed, t.name.Tagged(format.Tag), seen.digest, base.digest)
}

// lags reports whether a digest that the tag shows at the given poll comes from a lagging replica. A version that this
// run has seen replaced and that stays was not replaced after all: the look that said so was the outdated one. An
// ancestor that stays comes from a PUT that something has sent again, which only a caller with trustLast wants to know.
func (t *tag) lags(digest oci.Digest, expected *version, poll int, last lastLook) bool {
	if poll == maxPolls && last == trustLast {
		return false
	}
	ancestor, replaced := t.state.predates(digest, expected)
	return ancestor || (replaced && poll < maxPolls)
}

// learn reads the manifesto of a digest that a look, which began at began, has shown under the tag.
func (t *tag) learn(ctx context.Context, digest oci.Digest, began time.Time) (*version, error) {
	m, err := getAnnounced(ctx, t.repository, digest)
	if err != nil {
		return nil, err
	}
	v, err := t.parse(ctx, m)
	if err != nil {
		return nil, err
	}
	t.state.show(v, began)
	return v, nil
}

// stagger looks at the tag half the time, before a request that failed is sent again: a fault on every nth connection
// then misses that request. What it shows does not matter.
func (t *tag) stagger(ctx context.Context) {
	if t.jitter(2) == 1 {
		_, _, _ = t.look(ctx) // See above.
	}
}

// vanished is the error of a tag that answers 404 although this run has seen it.
func (t *tag) vanished(seen *version) error {
	return fmt.Errorf("%w: the registry now answers 404 for %s, which this run has read as %s",
		ErrVanished, t.name.Tagged(format.Tag), seen.digest)
}
