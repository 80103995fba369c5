package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// ErrNoSigner says that a change is to be signed and the Store has no Signer.
var ErrNoSigner = errors.New("nothing to sign with")

// publication is how an edit publishes its piece.
type publication struct {
	// image describes the manifest of the image.
	image oci.Descriptor
	// artifactType is that of the artifact.
	artifactType string
	// sign asks for a signature of the artifact, again for one although nothing else changes. Again without sign asks for
	// an artifact without signatures.
	sign, again bool
	// replaces is the signature that the new one replaces; empty if there is none.
	replaces oci.Digest
}

// unsigns reports whether the signatures of the artifact are to be removed.
func (p *publication) unsigns() bool { return p.again && !p.sign }

// publisher publishes pieces of a repository as artifacts, and signs. It is safe for concurrent use.
type publisher struct {
	name       oci.Repository
	repository Repository
	signer     signing.Signer
	log        *slog.Logger
	flight     wait.Group

	mu sync.Mutex
	// images describes images whose pieces are published. published has the artifacts that this run has published, and
	// their signatures.
	images    map[oci.Digest]oci.Descriptor
	published map[oci.Digest]signing.Found
	// emptyStored says that the blob of the empty config is there; emptyAssumed that it must be, because the manifesto
	// names artifacts.
	emptyStored, emptyAssumed bool
}

// describe returns the descriptor of an image. Each is looked up once a run.
func (p *publisher) describe(ctx context.Context, image oci.Digest) (oci.Descriptor, error) {
	known := func() (oci.Descriptor, bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		described, ok := p.images[image]
		return described, ok, nil
	}
	return wait.Shared(ctx, &p.flight, image.String(), sharedLimit, known,
		func(ctx context.Context) (oci.Descriptor, error) {
			described, err := p.repository.DescribeManifest(ctx, image.String())
			if err != nil {
				return oci.Descriptor{}, err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.images == nil {
				p.images = map[oci.Digest]oci.Descriptor{}
			}
			p.images[image] = described
			return described, nil
		})
}

// publish stores the artifact of an entry and signs it, unless this run has done so. first says that the manifesto has
// not named this artifact before.
func (p *publisher) publish(
	ctx context.Context, entry format.Entry, how publication, first bool,
) (signing.Found, error) {
	artifact, m, err := format.NewArtifact(how.image, how.artifactType, entry)
	if err != nil {
		return signing.Found{}, err
	}
	if found, ok := p.isPublished(artifact.Digest, how.sign); ok {
		return found, nil
	}
	if err = p.attach(ctx, m, p.repository.Attach); err != nil {
		return signing.Found{}, fmt.Errorf("publishing the artifact %s: %w", artifact.Digest, err)
	}
	var found signing.Found
	if how.sign {
		if found, err = p.sign(ctx, m, first); err != nil {
			return signing.Found{}, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.published == nil {
		p.published = map[oci.Digest]signing.Found{}
	}
	p.published[artifact.Digest] = found
	return found, nil
}

// isPublished returns the signature of an artifact that this run has published, and signed if that is asked for.
func (p *publisher) isPublished(artifact oci.Digest, signed bool) (signing.Found, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.published[artifact]
	return found, ok && (!signed || found.Digest != "")
}

// forget makes the next publish store an artifact again: it was removed.
func (p *publisher) forget(artifact oci.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.published, artifact)
}

// storeEmpty uploads the blob that the configs of artifacts and signatures name.
func (p *publisher) storeEmpty(ctx context.Context) error {
	known := func() (bool, bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return true, p.emptyStored || p.emptyAssumed, nil
	}
	_, err := wait.Shared(ctx, &p.flight, "empty", sharedLimit, known, func(ctx context.Context) (bool, error) {
		if _, err := p.repository.PutBlob(ctx, format.EmptyBlob()); err != nil {
			return false, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.emptyStored = true
		return true, nil
	})
	return err
}

// assumeEmpty says that the blob of the empty config must be there.
func (p *publisher) assumeEmpty() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emptyAssumed = true
}

// attach attaches a manifest whose config is the empty one. If the registry refuses it, that blob may be gone after
// all.
func (p *publisher) attach(
	ctx context.Context, m oci.Manifest, attach func(context.Context, oci.Manifest) error,
) error {
	if err := p.storeEmpty(ctx); err != nil {
		return err
	}
	err := attach(ctx, m)
	p.mu.Lock()
	again := errors.Is(err, oci.ErrManifestRefused) && !p.emptyStored
	p.emptyAssumed = p.emptyAssumed && !again
	p.mu.Unlock()
	if !again {
		return err
	}
	if err = p.storeEmpty(ctx); err != nil {
		return err
	}
	return attach(ctx, m)
}

// sign signs a manifest and stores the signature. The manifest need not be there yet. first says that this run has made
// it, so that it has no other signatures.
func (p *publisher) sign(ctx context.Context, m oci.Manifest, first bool) (signing.Found, error) {
	if p.signer == nil {
		return signing.Found{}, ErrNoSigner
	}
	target := m.Descriptor()
	signature, err := p.signer.Sign(ctx, target)
	if err != nil {
		return signing.Found{}, fmt.Errorf("signing %s: %w", p.name.Digested(m.Digest), err)
	}
	stored, err := signature.Manifest(target)
	if err != nil {
		return signing.Found{}, err
	}
	if _, err = p.repository.PutBlob(ctx, signature.Envelope); err != nil {
		return signing.Found{}, err
	}
	attach := p.repository.Attach
	if first {
		attach = p.repository.AttachFirst
	}
	if err = p.attach(ctx, stored, attach); err != nil {
		return signing.Found{}, fmt.Errorf("storing the signature of %s: %w", p.name.Digested(m.Digest), err)
	}
	p.log.LogAttrs(ctx, slog.LevelDebug, "signed", slog.String("manifest", m.Digest.String()),
		slog.String("signature", stored.Digest.String()), slog.String("signer", signature.Signer))
	return signing.Found{Claims: signature.Claims, Digest: stored.Digest}, nil
}
