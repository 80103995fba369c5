package manifesto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ErrReferrersTooLarge says that what referrers say of themselves has more bytes together than the caller can take.
var ErrReferrersTooLarge = errors.New("referrers too large")

// Referrer is an artifact that is attached to an image.
type Referrer struct {
	oci.Referrer
	// Content is that of the only layer. It is nil unless it was asked for and there is one.
	Content []byte
}

// UnreadableReferrer is an entry of a list of referrers that leads to none.
type UnreadableReferrer struct {
	oci.ListedReferrer
	// Reason wraps oci.ErrNotFound, oci.ErrTooLarge, oci.ErrNoManifest, oci.ErrNotReferrer or ErrContentMissing.
	Reason error
}

// LargestReferrerError is the error of contents that are too large together. It wraps ErrContentsTooLarge.
type LargestReferrerError struct {
	// Largest is the referrer with the largest content.
	Largest oci.Referrer
}

// Error implements error.
func (e *LargestReferrerError) Error() string {
	return fmt.Sprintf("%v: the largest is that of %s, with %d bytes",
		ErrContentsTooLarge, e.Largest.Digest, e.Largest.Layer.Size)
}

// Unwrap returns ErrContentsTooLarge.
func (e *LargestReferrerError) Unwrap() error { return ErrContentsTooLarge }

// ReferrersQuery says what Store.Referrers looks up.
type ReferrersQuery struct {
	// Shows chooses referrers by their artifact type, which their manifests tell; nil shows all.
	Shows func(artifactType string) bool
	// Contents asks for the contents of the referrers that are shown.
	Contents bool
	// MaxListing and MaxContents bound what is returned, in bytes: the texts of all referrers, and their contents.
	MaxListing, MaxContents int64
}

// Referrers returns the artifacts that anybody has attached to an image, in the order of oci.Referrer.Compare. It reads
// the manifest of each, because lists say what their writers like. Entries that lead to no referrer are in unreadable,
// in the order of their digests, and do not keep the others from being shown. Anything else that cannot be read is an
// error. So is an empty list if the image itself is not there: only a repository that can be read has none.
//
// The error wraps ErrReferrersTooLarge, or is a *LargestReferrerError, if a bound of the query is exceeded.
func (s *Store) Referrers(
	ctx context.Context, name oci.Repository, image oci.Digest, query ReferrersQuery,
) (found []Referrer, unreadable []UnreadableReferrer, err error) {
	repository := s.committer(name).repository
	listed, err := repository.Referrers(ctx, image)
	if err != nil {
		return nil, nil, err
	}
	if len(listed) == 0 {
		_, err = repository.HeadManifest(ctx, image.String())
		return nil, nil, err
	}
	l := &referrersLookup{repository: repository, image: image, query: query, listed: unique(listed)}
	if err = l.open(ctx); err == nil && query.Contents {
		err = l.download(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	found, unreadable = l.results()
	return found, unreadable, nil
}

// unique returns the entries with different digests, sorted by them. Of several with one digest, one that says its type
// remains.
func unique(listed []oci.ListedReferrer) []oci.ListedReferrer {
	listed = slices.Clone(listed)
	slices.SortStableFunc(listed, func(a, b oci.ListedReferrer) int {
		if a.Digest != b.Digest {
			return cmp.Compare(a.Digest, b.Digest)
		}
		return cmp.Compare(b.ArtifactType, a.ArtifactType) // The empty one last.
	})
	return slices.CompactFunc(listed, func(a, b oci.ListedReferrer) bool { return a.Digest == b.Digest })
}

// referrersLookup looks up the referrers of one image.
type referrersLookup struct {
	repository Repository
	image      oci.Digest
	query      ReferrersQuery
	listed     []oci.ListedReferrer
	// opened has the referrer of each entry that is shown, and failed why an entry leads to none. Both have the indexes
	// of listed.
	opened []*Referrer
	failed []error
}

// open reads the manifests.
func (l *referrersLookup) open(ctx context.Context) error {
	l.opened, l.failed = make([]*Referrer, len(l.listed)), make([]error, len(l.listed))
	var total atomic.Int64
	return eachAtOnce(ctx, l.listed, lookParallel, func(ctx context.Context, i int, entry oci.ListedReferrer) error {
		r, err := l.read(ctx, entry.Digest)
		if isUnreadable(err) {
			l.failed[i] = err
			return nil
		}
		if err != nil || l.query.Shows != nil && !l.query.Shows(r.ArtifactType) {
			return err
		}
		if total.Add(textSize(r)) > l.query.MaxListing {
			return ErrReferrersTooLarge
		}
		l.opened[i] = &Referrer{Referrer: r}
		return nil
	})
}

// read reads one manifest. A 404 must show twice.
func (l *referrersLookup) read(ctx context.Context, digest oci.Digest) (oci.Referrer, error) {
	if _, err := oci.ParseDigest(digest.String()); err != nil {
		return oci.Referrer{}, fmt.Errorf("%w: %w", oci.ErrNotReferrer, err)
	}
	m, err := l.repository.GetManifest(ctx, digest.String())
	if errors.Is(err, oci.ErrNotFound) {
		m, err = l.repository.GetManifest(ctx, digest.String())
	}
	if err != nil {
		return oci.Referrer{}, err
	}
	return oci.ParseReferrer(m, l.image)
}

// isUnreadable reports whether an error is about one referrer: another look would find the same, and it says nothing
// about the rest of the repository.
func isUnreadable(err error) bool {
	for _, reason := range []error{
		oci.ErrNotFound, oci.ErrTooLarge, oci.ErrNoManifest, oci.ErrNotReferrer, ErrContentMissing,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// textSize returns the size of what a referrer says of itself, in bytes.
func textSize(r oci.Referrer) int64 {
	size := len(r.ArtifactType) + len(r.MediaType)
	for key, value := range r.Annotations {
		size += len(key) + len(value)
	}
	return int64(size)
}

// download gets the contents. A content that several referrers have is downloaded once, and counts for each of them.
func (l *referrersLookup) download(ctx context.Context) error {
	if err := l.checkSizes(); err != nil {
		return err
	}
	places := map[layer][]int{}
	var layers []layer
	for i, r := range l.opened {
		if r == nil || r.Layer == nil {
			continue
		}
		key := layer{r.Layer.Digest, r.Layer.Size}
		if places[key] == nil {
			layers = append(layers, key)
		}
		places[key] = append(places[key], i)
	}
	return eachAtOnce(ctx, layers, contentParallel, func(ctx context.Context, _ int, key layer) error {
		content, err := l.content(ctx, key)
		if err != nil && !isUnreadable(err) {
			return err
		}
		for _, i := range places[key] {
			if err != nil {
				l.opened[i], l.failed[i] = nil, err
			} else {
				l.opened[i].Content = content
			}
		}
		return nil
	})
}

// checkSizes returns a *LargestReferrerError if the contents have more bytes together than the query allows, as their
// manifests say.
func (l *referrersLookup) checkSizes() error {
	var largest *Referrer
	rest := l.query.MaxContents
	for _, r := range l.opened {
		if r == nil || r.Layer == nil {
			continue
		}
		if largest == nil || r.Layer.Size > largest.Layer.Size {
			largest = r
		}
		rest = max(rest, -1) - r.Layer.Size // It stays negative, and does not overflow.
	}
	if rest >= 0 {
		return nil
	}
	return &LargestReferrerError{largest.Referrer}
}

// layer is a layer as a manifest describes it. Another manifest may give the same blob a wrong size.
type layer struct {
	digest oci.Digest
	size   int64
}

// content gets the content of a layer, which must have the size that the manifest says.
func (l *referrersLookup) content(ctx context.Context, of layer) ([]byte, error) {
	content, err := l.repository.GetBlob(ctx, of.digest, of.size)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", ErrContentMissing, err)
	case errors.Is(err, oci.ErrTooLarge), err == nil && int64(len(content)) != of.size:
		return nil, fmt.Errorf("%w: its layer does not have the %d bytes that its manifest says",
			oci.ErrNotReferrer, of.size)
	case err == nil && content == nil:
		content = []byte{} // Empty, and not absent.
	}
	return content, err
}

// results returns what was found.
func (l *referrersLookup) results() (found []Referrer, unreadable []UnreadableReferrer) {
	for i, entry := range l.listed {
		switch {
		case l.opened[i] != nil:
			found = append(found, *l.opened[i])
		case l.failed[i] != nil:
			unreadable = append(unreadable, UnreadableReferrer{entry, l.failed[i]})
		}
	}
	slices.SortFunc(found, func(a, b Referrer) int { return a.Compare(b.Referrer) })
	return found, unreadable
}
