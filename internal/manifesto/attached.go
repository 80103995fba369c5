package manifesto

import (
	"context"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// attachments remembers what a repository lists as attached to manifests. The zero value has nothing. It is safe for
// concurrent use.
type attachments struct {
	flight wait.Group

	mu    sync.Mutex
	known map[oci.Digest]map[oci.Digest]oci.ListedReferrer
}

// Attached returns what a repository lists as attached to a manifest, by digest: claims, which nothing has verified. A
// run asks once for each manifest, so that readers of many pieces of an image share the answer.
func (s *Store) Attached(
	ctx context.Context, name oci.Repository, subject oci.Digest,
) (map[oci.Digest]oci.ListedReferrer, error) {
	c := s.committer(name)
	a := &c.attached
	known := func() (map[oci.Digest]oci.ListedReferrer, bool, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		digests, ok := a.known[subject]
		return digests, ok, nil
	}
	return wait.Shared(ctx, &a.flight, subject.String(), sharedLimit, known,
		func(ctx context.Context) (map[oci.Digest]oci.ListedReferrer, error) {
			listed, err := c.repository.Referrers(ctx, subject)
			if err != nil {
				return nil, err
			}
			digests := make(map[oci.Digest]oci.ListedReferrer, len(listed))
			for _, entry := range listed {
				digests[entry.Digest] = entry
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.known == nil {
				a.known = map[oci.Digest]map[oci.Digest]oci.ListedReferrer{}
			}
			a.known[subject] = digests
			return digests, nil
		})
}
