package manifesto

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Repository is what a Store needs of a repository. *registry.Repository and *layout.Layout implement it. Its errors
// wrap those of package oci; only oci.ErrNotFound means absence. It must be safe for concurrent use.
type Repository interface {
	// HeadManifest returns the digest of the manifest that a tag or a digest names.
	HeadManifest(ctx context.Context, identifier string) (oci.Digest, error)
	// DescribeManifest returns the media type, the digest and the size in bytes of the manifest that a tag or digest
	// names.
	DescribeManifest(ctx context.Context, identifier string) (oci.Descriptor, error)
	// GetManifest returns the manifest that a tag or a digest names. It verifies the digest.
	GetManifest(ctx context.Context, identifier string) (oci.Manifest, error)
	// PutManifest stores a manifest under a tag or a digest. It sends the manifest once, by latest or not at all; a
	// zero latest sets no deadline. The error wraps oci.ErrAmbiguous if the outcome is unknown, and oci.ErrLate if the
	// deadline has passed and nothing was sent.
	PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error
	// HeadBlob returns a blob's size in bytes, or a negative number if the registry does not say.
	HeadBlob(ctx context.Context, digest oci.Digest) (int64, error)
	// GetBlob returns a blob of at most limit bytes. It verifies the digest.
	GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error)
	// PutBlob uploads a blob and returns its digest.
	PutBlob(ctx context.Context, content []byte) (oci.Digest, error)
	// ListTags returns the repository's tags that begin with prefix; all tags if it is empty. known says whether the
	// registry knows the repository. An error means that the tags cannot be read.
	ListTags(ctx context.Context, prefix string) (tags []string, known bool, err error)
	// Referrers returns what the repository lists as attached to a manifest: claims, which nothing has verified. The
	// error wraps oci.ErrTooManyReferrers if there are more than oci.MaxReferrers. An empty list does not show that the
	// repository can be read.
	Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error)
	// Attach stores a manifest that names a subject under its digest, and sees to it that the subject's list of
	// referrers has it. It may be repeated. The error wraps oci.ErrNotReferrer if the manifest names no subject.
	Attach(ctx context.Context, m oci.Manifest) error
	// AttachFirst is Attach for a subject that this run has just made, so that nothing else can be attached to it yet.
	AttachFirst(ctx context.Context, m oci.Manifest) error
	// Detach deletes manifests that are attached to a subject, and takes them off its list of referrers. It succeeds for
	// those that are not there. The error wraps oci.ErrDeleteRefused if the registry does not delete them; the list is
	// without them all the same.
	Detach(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error
	// DetachAll is Detach for everything that is attached to a subject that this run has made.
	DetachAll(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error
}

// Exclusive is a Repository that can keep all other writers out. A commit then looks at the tag and puts what it stores
// in one step, and nothing has to settle. *layout.Layout implements it; no registry can.
type Exclusive interface {
	Repository
	// Exclusively runs work while no other writer changes a tag. Other changes wait, in this process too: only those
	// with the context of work are part of it.
	Exclusively(ctx context.Context, work func(context.Context) error) error
}

// Bounds of polls for something that the registry is known to have but does not show yet. Replicas lag, and
// distribution 2.8 does not rewrite a tag's link atomically.
const (
	firstWait = 50 * time.Millisecond
	maxWait   = 2 * time.Second
	maxPolls  = 8
)

// polls yields the numbers from 1 to maxPolls. It waits between two of them, twice as long each time up to maxWait. If
// ctx ends, it yields the cause of that and stops.
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

// getAnnounced gets the manifest with a digest that the registry has just shown. A 404 comes from a lagging replica, so
// getAnnounced asks again.
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
