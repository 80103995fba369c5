package provider

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// fakeRepositories are repositories in memory, by name, for tests without a network. They answer what a plan asks:
// which image a tag or digest names, and what the manifesto has. Any other request panics.
type fakeRepositories struct {
	manifests map[string]oci.Manifest
	// err answers every request unless it is nil.
	err error

	mu sync.Mutex
	// requests counts the requests for images, and reads those for manifestos.
	requests, reads int
	// document is the manifesto of every repository.
	document format.Document
}

// push stores an image under a reference by tag and by its digest. The seed makes it a different image.
func (f *fakeRepositories) push(t *testing.T, reference, seed string) oci.Digest {
	t.Helper()
	return f.store(
		t, reference, oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil, `{"schemaVersion":2,"seed":%q}`, seed)),
	)
}

// pushIndex stores an image for several platforms; childDigest has the digests of its children.
func (f *fakeRepositories) pushIndex(t *testing.T, reference string, platforms ...string) {
	t.Helper()
	var children []byte
	for i, text := range platforms {
		platform, err := oci.ParsePlatform(text)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			children = append(children, ',')
		}
		children = fmt.Appendf(children, `{"mediaType":%q,"digest":%q,"size":1,"platform":{"os":%q,"architecture":%q}}`,
			v1.MediaTypeImageManifest, childDigest(text), platform.OS, platform.Architecture)
	}
	f.store(t, reference, oci.NewManifest(oci.MediaTypeOCIIndex,
		fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, oci.MediaTypeOCIIndex, children)))
}

func childDigest(platform string) oci.Digest { return oci.DigestOf([]byte(platform)) }

func (f *fakeRepositories) store(t *testing.T, reference string, m oci.Manifest) oci.Digest {
	t.Helper()
	ref, err := oci.ParseReference(reference, "")
	if err != nil {
		t.Fatal(err)
	}
	if f.manifests == nil {
		f.manifests = map[string]oci.Manifest{}
	}
	f.manifests[ref.String()] = m
	f.manifests[ref.Repository.Digested(m.Digest).String()] = m
	return m.Digest
}

// provider returns what a provider with these settings hands to its resources.
func (f *fakeRepositories) provider(s settings) *providerData {
	open := func(name oci.Repository) manifesto.Repository { return fakeRepository{name: name, all: f} }
	return &providerData{settings: s, open: open, store: manifesto.NewStore(open, manifesto.Options{})}
}

// fakeRepository is one of fakeRepositories.
type fakeRepository struct {
	manifesto.Repository // Nil, for the methods that a plan does not need.
	name                 oci.Repository
	all                  *fakeRepositories
}

// HeadManifest implements manifesto.Repository.
func (r fakeRepository) HeadManifest(ctx context.Context, identifier string) (oci.Digest, error) {
	m, err := r.GetManifest(ctx, identifier)
	return m.Digest, err
}

// GetManifest implements manifesto.Repository.
func (r fakeRepository) GetManifest(_ context.Context, identifier string) (oci.Manifest, error) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if identifier == format.Tag {
		r.all.reads++
		image, err := format.NewImage(r.all.document.Render())
		if err != nil {
			return oci.Manifest{}, err
		}
		return image.Manifest(r.name, format.Header{})
	}
	r.all.requests++
	if r.all.err != nil {
		return oci.Manifest{}, r.all.err
	}
	for _, ref := range []oci.Reference{r.name.Tagged(identifier), r.name.Digested(oci.Digest(identifier))} {
		if m, ok := r.all.manifests[ref.String()]; ok {
			return m, nil
		}
	}
	return oci.Manifest{}, fmt.Errorf("%s: %s: %w", r.name, identifier, oci.ErrNotFound)
}

// GetBlob implements manifesto.Repository. The layer of the manifesto is the only blob.
func (r fakeRepository) GetBlob(context.Context, oci.Digest, int64) ([]byte, error) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	image, err := format.NewImage(r.all.document.Render())
	return image.Layer, err
}

var errFakeUnreachable = fmt.Errorf("connecting: %w", registry.ErrUnreachable)
