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

// observation is the result of one or more looks at the tag.
type observation struct {
	// began is when the last look began.
	began time.Time
	kind  observed
	// digest is what the tag holds; empty for a 404.
	digest oci.Digest
	// found is the version that the tag holds instead of the expected one; nil unless kind is another.
	found *version
}

// observed classifies what the tag holds.
type observed int

const (
	// outdated: the tag keeps showing nothing, or an older version than the expected one.
	outdated observed = iota
	// standing: the tag holds the expected version.
	standing
	// another: the tag holds another version, which is not older than the expected one.
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

// look asks once what the tag holds. It returns when it began, and the digest; an empty one means 404.
func (t *tag) look(ctx context.Context) (began time.Time, digest oci.Digest, err error) {
	began = time.Now()
	digest, err = t.repository.HeadManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		digest, err = "", nil
	}
	t.log.LogAttrs(ctx, logs.LevelTrace, "looked at the tag", slog.String("holds", digest.String()))
	return began, digest, err
}

// observe looks at the tag, at most limit times, until it shows the expected version or another one that is not older.
// An older version or a 404 comes from a lagging replica, and the protocol never builds on it. If absence is expected,
// observe wants to see it twice. It reads another version, which becomes the current one.
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
			seen.found, err = t.learn(ctx, digest, began)
			if !errors.Is(err, oci.ErrNotFound) || poll == limit {
				seen.kind = another
				return seen, err
			}
			// A replica does not have it yet, or a faster writer has replaced it: zot then makes it 404 at once.
		}
		if poll == limit {
			break
		}
	}
	return seen, nil
}

// stands reports whether the tag still holds the base, and when the look that showed it began. If the tag holds a
// rival's version, that becomes the current one.
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

// seenWithin reports whether a look, or the PUT that stored it, has shown a version so recently that something that
// needs it may be sent at once.
func (t *tag) seenWithin(v *version) bool {
	return time.Since(t.state.lastSeen(v)) <= t.timing.sendWithin(v.Window, 0)
}

// lags reports whether the digest that the given poll has shown comes from a lagging replica. If the last poll still
// shows a version that this run has seen replaced, that was not replaced after all: the look that said so was outdated.
// If the last poll still shows an ancestor, something has sent an old PUT again; only trustLast believes that.
func (t *tag) lags(digest oci.Digest, expected *version, poll int, last lastLook) bool {
	if poll == maxPolls && last == trustLast {
		return false
	}
	ancestor, replaced := t.state.predates(digest, expected)
	return ancestor || (replaced && poll < maxPolls)
}

// learn reads the version with the digest that a look has shown, and makes it the current one. began is when that look
// began. The error wraps oci.ErrNotFound if the registry does not have the manifest any more, or not yet.
func (t *tag) learn(ctx context.Context, digest oci.Digest, began time.Time) (*version, error) {
	m, err := t.repository.GetManifest(ctx, digest.String())
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

// stagger sends one more HEAD in half of the cases, before a failed request is sent again, so that a fault on every nth
// connection does not always hit the same request.
func (t *tag) stagger(ctx context.Context) {
	if t.jitter(2) == 1 {
		_, _, _ = t.look(ctx) // Only the request counts, not its result.
	}
}

// vanished returns the error for a tag that is 404 although this run has read a version from it.
func (t *tag) vanished(seen *version) error {
	return fmt.Errorf("%w: the registry now answers 404 for %s, which this run has read as %s",
		ErrVanished, t.name.Tagged(format.Tag), seen.digest)
}
