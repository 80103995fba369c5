package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// sharedLimit bounds work that several callers wait for and none of them can cancel. A registry that stops in the
// middle of an answer must not stop all operations of the run.
const sharedLimit = 2 * time.Minute

// tag reads and watches the tag of one repository's manifesto. It is safe for concurrent use.
type tag struct {
	name       oci.Repository
	repository Repository
	state      tagState
	timing     *timing
	jitter     func(time.Duration) time.Duration
	log        *slog.Logger
	flight     wait.Group
}

// load returns the current version. The first call reads it. image is an image of the repository, with which
// proveAbsence can show that the repository can be read; it may be empty.
func (t *tag) load(ctx context.Context, image oci.Digest) (*version, error) {
	known := func() (*version, bool, error) {
		v := t.state.current()
		return v, v != nil, nil
	}
	return wait.Shared(ctx, &t.flight, "load", sharedLimit, known, func(ctx context.Context) (*version, error) {
		began := time.Now()
		v, err := t.read(ctx, image, true)
		if err != nil {
			return nil, err
		}
		return t.state.first(v, began), nil
	})
}

// read reads the version under the tag. With unknownIsEmpty, a repository that the registry does not know has no
// metadata; without it, that is an error. Only readers and deletes may set it.
func (t *tag) read(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (*version, error) {
	m, err := t.get(ctx, image, unknownIsEmpty)
	if err != nil {
		return nil, err
	}
	return t.parse(ctx, m)
}

// get gets the manifest under the tag. It returns the zero manifest if there is none. A single 404 does not count, and
// neither do two if another tag shows that there is a manifesto: it may be the first of another writer, which appears
// soon, or one that the registry does not hand out.
func (t *tag) get(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (oci.Manifest, error) {
	m, err := t.repository.GetManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		m, err = t.repository.GetManifest(ctx, format.Tag)
	}
	if !errors.Is(err, oci.ErrNotFound) {
		return m, err
	}
	trace, err := t.proveAbsence(ctx, image, unknownIsEmpty)
	if err != nil || trace == "" {
		return oci.Manifest{}, err
	}
	for _, ended := range polls(ctx) {
		if ended != nil {
			return oci.Manifest{}, ended
		}
		if m, err = t.repository.GetManifest(ctx, format.Tag); !errors.Is(err, oci.ErrNotFound) {
			return m, err
		}
	}
	return oci.Manifest{}, fmt.Errorf("%w: the registry answers 404 for %s, although the tag %s shows that there was a "+
		"manifesto. An archive tier, a retention rule or a copy of the repository may have taken it. Bring it back; or "+
		"delete every tag that begins with %s, to begin anew without the metadata that it had",
		ErrVanished, t.name.Tagged(format.Tag), trace, format.Tag)
}

// parse turns the manifest under the tag into a version. The zero manifest gives the version of an empty repository.
func (t *tag) parse(ctx context.Context, m oci.Manifest) (*version, error) {
	if m.Digest == "" {
		t.log.LogAttrs(ctx, slog.LevelDebug, "the repository has no manifesto")
		return &version{doc: &format.Document{}}, nil
	}
	began := time.Now()
	v, err := readVersion(ctx, t.repository, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name.Tagged(format.Tag), err)
	}
	t.timing.hear(v.Window)
	t.log.LogAttrs(ctx, slog.LevelDebug, "read the manifesto", slog.String("digest", v.digest.String()),
		slog.Int64("number", v.Number), slog.Duration("window", v.Window), slog.Duration("duration", time.Since(began)))
	return v, nil
}

// proveAbsence decides whether a 404 for the tag means that there is no manifesto: the repository must be readable
// otherwise, this run must not have seen a manifesto, and no other tag may show that there was one. trace is a tag that
// shows it; empty if there is none. Registries answer 404 for what they hide as well, and a manifesto is never rebuilt
// from nothing because it could not be read.
func (t *tag) proveAbsence(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (trace string, err error) {
	if v := t.state.current(); v != nil && v.exists() {
		return "", t.vanished(v)
	}
	readable := false
	if image != "" {
		_, err = t.repository.HeadManifest(ctx, image.String())
		if readable = err == nil; !readable && !errors.Is(err, oci.ErrNotFound) {
			return "", err
		}
	}
	tags, known, err := t.repository.ListTags(ctx, format.Tag)
	switch {
	case err == nil && known:
		return t.trace(ctx, tags)
	case readable: // A registry without a list of tags.
		return t.trace(ctx, []string{format.ShardTag(0)})
	case err != nil:
		return "", fmt.Errorf("%w: %s is 404, and so may be because the repository cannot be read: %w",
			ErrVanished, t.name.Tagged(format.Tag), err)
	case !unknownIsEmpty:
		return "", fmt.Errorf("%w: the registry does not know the repository %s", ErrVanished, t.name)
	}
	return "", nil
}

// trace returns one of the tags that shows that there is or was a manifesto; empty if none does. The first pin manifest
// shows it only if it belongs to a later version than the first: a writer that was killed in its first commit leaves
// one, too.
func (t *tag) trace(ctx context.Context, tags []string) (string, error) {
	for _, tag := range tags {
		if tag == format.Tag || strings.HasPrefix(tag, format.ShardTag(0)+".") {
			return tag, nil
		}
	}
	first := format.ShardTag(0)
	if !slices.Contains(tags, first) {
		return "", nil
	}
	content, err := readShard(ctx, t.repository, 0)
	if err != nil || content.number <= 1 {
		return "", err
	}
	return first, nil
}
