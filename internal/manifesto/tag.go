package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	if v := t.state.current(); v != nil {
		return v, nil
	}
	return wait.Shared(ctx, &t.flight, "load", sharedLimit, func(ctx context.Context) (*version, error) {
		if v := t.state.current(); v != nil {
			return v, nil
		}
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

// get returns the manifest under the tag, the zero value if there is none. It takes a second 404 and proveAbsence to
// believe that.
func (t *tag) get(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (oci.Manifest, error) {
	m, err := t.repository.GetManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		m, err = t.repository.GetManifest(ctx, format.Tag)
	}
	if errors.Is(err, oci.ErrNotFound) {
		return oci.Manifest{}, t.proveAbsence(ctx, image, unknownIsEmpty)
	}
	return m, err
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

// proveAbsence returns an error unless a 404 for the tag means that there is no manifesto. The repository must be
// readable, and this run must not have seen a manifesto in it. Registries also answer 404 for what they hide, and a
// commit must not replace a manifesto by a new one because it could not read it.
func (t *tag) proveAbsence(ctx context.Context, image oci.Digest, unknownIsEmpty bool) error {
	if v := t.state.current(); v != nil && v.exists() {
		return t.vanished(v)
	}
	if image != "" {
		_, err := t.repository.HeadManifest(ctx, image.String())
		if err == nil || !errors.Is(err, oci.ErrNotFound) {
			return err
		}
	}
	exists, err := t.repository.RepositoryExists(ctx)
	if err != nil {
		return fmt.Errorf("%w: %s is 404, and so may be because the repository cannot be read: %w",
			ErrVanished, t.name.Tagged(format.Tag), err)
	}
	if !exists && !unknownIsEmpty {
		return fmt.Errorf("%w: the registry does not know the repository %s", ErrVanished, t.name)
	}
	return nil
}
