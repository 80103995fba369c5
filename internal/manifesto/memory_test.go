package manifesto

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// memoryRemote is a repository in memory.
type memoryRemote struct {
	mu        sync.Mutex
	blobs     map[oci.Digest][]byte
	manifests map[string]oci.Manifest
}

func (m *memoryRemote) HeadManifest(ctx context.Context, identifier string) (oci.Digest, error) {
	found, err := m.GetManifest(ctx, identifier)
	return found.Digest, err
}

func (m *memoryRemote) GetManifest(_ context.Context, identifier string) (oci.Manifest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.manifests[identifier]
	if !ok {
		return oci.Manifest{}, oci.ErrNotFound
	}
	return found, nil
}

func (m *memoryRemote) PutManifest(_ context.Context, identifier string, put oci.Manifest, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.manifests[identifier], m.manifests[put.Digest.String()] = put, put
	return nil
}

func (m *memoryRemote) HeadBlob(_ context.Context, digest oci.Digest) (int64, error) {
	content, err := m.GetBlob(context.Background(), digest, 0)
	return int64(len(content)), err
}

func (m *memoryRemote) GetBlob(_ context.Context, digest oci.Digest, _ int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	content, ok := m.blobs[digest]
	if !ok {
		return nil, oci.ErrNotFound
	}
	return content, nil
}

func (m *memoryRemote) PutBlob(_ context.Context, content []byte) (oci.Digest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	digest := oci.DigestOf(content)
	m.blobs[digest] = content
	return digest, nil
}

func (m *memoryRemote) ListTags(_ context.Context, prefix string) (tags []string, known bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tag := range m.manifests {
		if strings.HasPrefix(tag, prefix) {
			tags = append(tags, tag)
		}
	}
	return tags, true, nil
}

func (m *memoryRemote) DescribeManifest(ctx context.Context, identifier string) (oci.Descriptor, error) {
	found, err := m.GetManifest(ctx, identifier)
	return found.Descriptor(), err
}

func (m *memoryRemote) Referrers(_ context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return referrersIn(maps.Values(m.manifests), subject), nil
}

func (m *memoryRemote) DetachAll(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	return m.Detach(ctx, subject, digests...)
}

func (m *memoryRemote) AttachFirst(ctx context.Context, attached oci.Manifest) error {
	return m.Attach(ctx, attached)
}

func (m *memoryRemote) Attach(_ context.Context, attached oci.Manifest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, _, err := oci.ParseAttached(attached); err != nil {
		return err
	}
	m.manifests[attached.Digest.String()] = attached
	return nil
}

func (m *memoryRemote) Detach(_ context.Context, _ oci.Digest, digests ...oci.Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, digest := range digests {
		delete(m.manifests, digest.String())
	}
	return nil
}

// referrersIn returns what a registry lists as attached to a manifest: those of its manifests that name it as subject.
func referrersIn(manifests iter.Seq[oci.Manifest], subject oci.Digest) []oci.ListedReferrer {
	listed := map[oci.Digest]oci.ListedReferrer{}
	for m := range manifests {
		if r, err := oci.ParseReferrer(m, subject); err == nil {
			listed[m.Digest] = oci.ListedReferrer{Digest: m.Digest, ArtifactType: r.ArtifactType}
		}
	}
	return slices.SortedFunc(maps.Values(listed), func(a, b oci.ListedReferrer) int {
		return strings.Compare(a.Digest.String(), b.Digest.String())
	})
}
