// Package manifesto is the domain: the document that says which metadata a repository's images have,
// the entries in it, the pins that keep their content from garbage collection, and the protocol by
// which they are read and committed. It knows nothing of Terraform and nothing of HTTP.
package manifesto

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Repository is what the domain needs of a repository; *registry.Repository is one. Errors are those of the
// registry package: only registry.ErrNotFound is absence.
type Repository interface {
	// HeadManifest returns the digest that a tag or digest stands for.
	HeadManifest(ctx context.Context, identifier string) (oci.Digest, error)
	// GetManifest returns a manifest, verified.
	GetManifest(ctx context.Context, identifier string) (oci.Manifest, error)
	// PutManifest stores a manifest. It sends it once, by latest or not at all (the zero value sets no deadline):
	// oci.ErrAmbiguous where the outcome is unknown, oci.ErrLate where the deadline passed and nothing was sent.
	PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error
	// HeadBlob returns a blob's size in bytes, or a negative number where the registry does not say.
	HeadBlob(ctx context.Context, digest oci.Digest) (int64, error)
	// GetBlob returns a blob of at most limit bytes, verified.
	GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error)
	// PutBlob uploads a blob.
	PutBlob(ctx context.Context, content []byte) (oci.Digest, error)
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

// looks counts from 1 to maxLooks, waiting between two numbers, twice as long each time. It ends early
// with the error of a context that ends.
func looks(ctx context.Context) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		backoff := firstWait
		for look := 1; look <= maxLooks; look++ {
			if look > 1 {
				if err := wait.For(ctx, backoff); err != nil {
					yield(look, err)
					return
				}
				backoff = min(2*backoff, maxWait)
			}
			if !yield(look, nil) {
				return
			}
		}
	}
}

// getKnown gets a manifest by a digest that was just learned: a 404 is a lagging replica, not absence.
func getKnown(ctx context.Context, remote Repository, digest oci.Digest) (m oci.Manifest, err error) {
	for _, ended := range looks(ctx) {
		if ended != nil {
			return oci.Manifest{}, ended
		}
		if m, err = remote.GetManifest(ctx, digest.String()); !errors.Is(err, oci.ErrNotFound) {
			break
		}
	}
	return m, err
}
