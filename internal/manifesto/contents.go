package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// contentParallel is how many contents are downloaded at a time. Each may have 16 MiB.
const contentParallel = 8

// Contents returns the contents of entries, each at the index of its entry, and corrects the entries as Content does.
// A content that is gone is nil. A content that several entries name is downloaded once, and counts once for each of
// them. If all together have more than limit bytes, the error wraps ErrContentsTooLarge; Contents downloads nothing if
// the entries say so themselves. If nothing is wrong but that some contents are damaged, the error is a *DamagedError,
// and the other contents are there.
func (s *Store) Contents(
	ctx context.Context, name oci.Repository, entries []format.Entry, limit int64,
) ([][]byte, error) {
	keys, places, announced := placesOf(entries)
	if announced > limit {
		return nil, ErrContentsTooLarge
	}
	contents := make([][]byte, len(entries))
	var total atomic.Int64
	var damage DamagedError
	repository := s.committer(name).repository
	err := eachAtOnce(ctx, keys, contentParallel, func(ctx context.Context, _ int, key wanted) error {
		content, err := getContent(ctx, repository, key)
		if errors.Is(err, ErrContentMissing) {
			return nil
		}
		if IsDamage(err) {
			damage.add(places[key], err)
			return nil
		}
		if err != nil {
			return err
		}
		size := int64(len(content))
		if total.Add(size*int64(len(places[key]))) > limit {
			return ErrContentsTooLarge
		}
		if content == nil {
			content = []byte{} // Empty, and not gone.
		}
		for _, i := range places[key] {
			contents[i] = content
			entries[i] = measured(entries[i], size)
		}
		return nil
	})
	if err == nil && len(damage.Reasons) > 0 {
		err = &damage
	}
	return contents, err
}

// DamagedError is the error of contents that the repository has and nobody can use, for the reasons that IsDamage
// names.
type DamagedError struct {
	// Reasons are by the index of the entry.
	Reasons map[int]error
	mu      sync.Mutex
}

// add records why the content of the entries at places cannot be used.
func (e *DamagedError) add(places []int, reason error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Reasons == nil {
		e.Reasons = map[int]error{}
	}
	for _, i := range places {
		e.Reasons[i] = reason
	}
}

// Error implements error.
func (e *DamagedError) Error() string {
	if more := len(e.Reasons) - 1; more > 0 {
		return fmt.Sprintf("%v, and %d more contents cannot be used", e.first(), more)
	}
	return e.first().Error()
}

// Unwrap returns the reason of the first entry.
func (e *DamagedError) Unwrap() error { return e.first() }

func (e *DamagedError) first() error {
	return e.Reasons[slices.Min(slices.Collect(maps.Keys(e.Reasons)))]
}

// placesOf returns the contents that entries name, each once and in order, the indexes of the entries that name each,
// and how many bytes all entries say that they have together.
func placesOf(entries []format.Entry) (keys []wanted, places map[wanted][]int, announced int64) {
	places = map[wanted][]int{}
	for i, entry := range entries {
		if entry.Digest == "" { // The manifesto names no usable content.
			continue
		}
		announced += min(max(entry.Size, 0), format.MaxUnpacked)
		key := contentKey(entry)
		if places[key] == nil {
			keys = append(keys, key)
		}
		places[key] = append(places[key], i)
	}
	return keys, places, announced
}
