package manifesto

import (
	"context"
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

func (*memoryRemote) Referrers(context.Context, oci.Digest) ([]oci.ListedReferrer, error) {
	return nil, nil
}
