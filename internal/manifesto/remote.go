// Package manifesto is the domain: the document that says which metadata a repository's images have,
// the entries in it, the pins that keep their content from garbage collection, and the protocol by
// which they are read and committed. It knows nothing of Terraform and nothing of HTTP.
package manifesto

import (
	"context"
	"errors"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// Remote is what the domain needs of a repository; *registry.Remote is one. Errors are those of the
// registry package: only registry.ErrNotFound is absence.
type Remote interface {
	// HeadManifest returns the digest that a tag or digest stands for.
	HeadManifest(ctx context.Context, identifier string) (registry.Digest, error)
	// GetManifest returns a manifest, verified.
	GetManifest(ctx context.Context, identifier string) (registry.Manifest, error)
	// PutManifest stores a manifest, sending it once: registry.ErrAmbiguous where the outcome is unknown.
	PutManifest(ctx context.Context, identifier string, m registry.Manifest) error
	// HeadBlob returns a blob's size in bytes, or a negative number where the registry does not say.
	HeadBlob(ctx context.Context, digest registry.Digest) (int64, error)
	// GetBlob returns a blob of at most limit bytes, verified.
	GetBlob(ctx context.Context, digest registry.Digest, limit int64) ([]byte, error)
	// PutBlob uploads a blob.
	PutBlob(ctx context.Context, content []byte) (registry.Digest, error)
	// RepositoryExists tells a repository that can be read from one that the registry does not know.
	RepositoryExists(ctx context.Context) (bool, error)
}

// Waits between looks at something that the registry is known to have but does not show yet: replicas
// lag, and distribution 2.8 rewrites a tag's link non-atomically.
const (
	firstWait = 50 * time.Millisecond
	maxWait   = 2 * time.Second
	maxLooks  = 8
)

// getKnown gets a manifest by a digest that was just learned: a 404 is a lagging replica, not absence.
func getKnown(ctx context.Context, remote Remote, digest registry.Digest) (registry.Manifest, error) {
	wait := firstWait
	for look := 1; ; look++ {
		m, err := remote.GetManifest(ctx, digest.String())
		if err == nil || !errors.Is(err, registry.ErrNotFound) || look == maxLooks {
			return m, err
		}
		if err := pause(ctx, wait); err != nil {
			return registry.Manifest{}, err
		}
		wait = min(2*wait, maxWait)
	}
}

// pause waits for d or until ctx ends, and returns the context's error then.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
