package manifesto

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Repository is what the protocol needs of a repository: *registry.Repository and *layout.Layout implement it. Errors
// wrap those of package oci; only oci.ErrNotFound is absence. It is safe for concurrent use.
type Repository interface {
	// HeadManifest returns the digest that a tag or digest stands for.
	HeadManifest(ctx context.Context, identifier string) (oci.Digest, error)
	// GetManifest returns a manifest, verified.
	GetManifest(ctx context.Context, identifier string) (oci.Manifest, error)
	// PutManifest stores a manifest. It sends it once, by latest or not at all (the zero value sets no deadline):
	// oci.ErrAmbiguous if the outcome is unknown, oci.ErrLate if the deadline passed and nothing was sent.
	PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error
	// HeadBlob returns a blob's size in bytes, or a negative number if the registry does not say.
	HeadBlob(ctx context.Context, digest oci.Digest) (int64, error)
	// GetBlob returns a blob of at most limit bytes, verified.
	GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error)
	// PutBlob uploads a blob.
	PutBlob(ctx context.Context, content []byte) (oci.Digest, error)
	// RepositoryExists tells a repository that can be read from one that the registry does not know.
	RepositoryExists(ctx context.Context) (bool, error)
}

// Waits between polls for something that the registry is known to have but does not show yet: replicas lag, and
// distribution 2.8 does not rewrite a tag's link atomically.
const (
	firstWait = 50 * time.Millisecond
	maxWait   = 2 * time.Second
	maxPolls  = 8
)

// polls counts from 1 to maxPolls and waits between two numbers, twice as long each time. If ctx ends, it yields the
// cause of that and stops.
func polls(ctx context.Context) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		pause := firstWait
		for poll := 1; poll <= maxPolls; poll++ {
			if poll > 1 {
				if err := wait.For(ctx, pause); err != nil {
					yield(poll, err)
					return
				}
				pause = min(2*pause, maxWait)
			}
			if !yield(poll, nil) {
				return
			}
		}
	}
}

// getAnnounced gets a manifest by a digest that the registry has just shown. A 404 comes from a lagging replica then,
// and is not absence.
func getAnnounced(ctx context.Context, repository Repository, digest oci.Digest) (m oci.Manifest, err error) {
	for _, ended := range polls(ctx) {
		if ended != nil {
			return oci.Manifest{}, ended
		}
		if m, err = repository.GetManifest(ctx, digest.String()); !errors.Is(err, oci.ErrNotFound) {
			break
		}
	}
	return m, err
}
