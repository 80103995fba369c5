package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	digests "github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Types of what cosign stores.
const (
	// sigstoreBundle is the type of attestations since cosign 3, and of the blobs in them.
	sigstoreBundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	// cosignSignature is the type of signatures with --registry-referrers-mode=oci-1-1.
	cosignSignature = "application/vnd.dev.cosign.artifact.sig.v1+json"
	simpleSigning   = "application/vnd.dev.cosign.simplesigning.v1+json"
	predicateType   = "https://slsa.dev/provenance/v1"
	intoto          = "application/vnd.in-toto+json"
)

// cosign stores signatures and attestations of an image in the forms in which cosign 3 stores them, with the library by
// which cosign speaks with registries. cosign itself would bring some hundred modules. The key is of the test; there is
// no transparency log.
type cosign struct {
	t     *testing.T
	key   *ecdsa.PrivateKey
	image name.Digest
	// subject is the image's descriptor.
	subject *v1.Descriptor
}

func newCosign(t *testing.T, s *server, path string, image oci.Digest) *cosign {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.NewDigest(s.Host+"/"+path+"@"+image.String(), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := remote.Head(reference)
	if err != nil {
		t.Fatal(err)
	}
	return &cosign{t: t, key: key, image: reference, subject: subject}
}

// attest attaches an attestation as a sigstore bundle and returns its digest and the bundle, like "cosign attest".
func (c *cosign) attest() (oci.Digest, string) {
	c.t.Helper()
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":%q,"digest":{"sha256":%q}}],`+
		`"predicateType":%q,"predicate":{"buildDefinition":{"buildType":"https://example.com/build"}}}`,
		c.image.Context().Name(), c.subject.Digest.Hex, predicateType)
	signed := fmt.Sprintf("DSSEv1 %d %s %d %s", len(intoto), intoto, len(statement), statement)
	bundle := fmt.Sprintf(`{"mediaType":%q,"verificationMaterial":{"publicKey":{"hint":"e2e"}},`+
		`"dsseEnvelope":{"payload":%q,"payloadType":%q,"signatures":[{"sig":%q}]}}`,
		sigstoreBundle, base64.StdEncoding.EncodeToString([]byte(statement)), intoto, c.sign(signed))
	config, layer := c.upload("{}", types.OCIConfigJSON), c.upload(bundle, sigstoreBundle)
	// The config claims the type, too, and to be empty although it was uploaded as an image's.
	config.MediaType, config.ArtifactType = ocispec.MediaTypeEmptyJSON, sigstoreBundle
	layer.Annotations = map[string]string{
		ocispec.AnnotationTitle: "sha256-" + layer.Digest.Encoded() + ".sigstore.json",
	}
	return c.put(ocispec.Manifest{
		ArtifactType: sigstoreBundle, Config: config, Layers: []ocispec.Descriptor{layer},
		Annotations: map[string]string{
			ocispec.AnnotationCreated:           time.Now().UTC().Format(time.RFC3339),
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicateType,
		},
	}), bundle
}

// signatures returns an image with a signature, as cosign 2 makes it.
func (c *cosign) signatures() (signatures v1.Image, payload string) {
	c.t.Helper()
	payload = fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},`+
		`"type":"cosign container image signature"},"optional":null}`, c.image.Context().Name(), c.image.DigestStr())
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	signatures, err := mutate.Append(base, mutate.Addendum{
		Layer:       static.NewLayer([]byte(payload), simpleSigning),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": c.sign(payload)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return signatures, payload
}

// signByTag stores a signature under the tag sha256-HEX.sig, like "cosign sign" before cosign 3. It has no subject.
func (c *cosign) signByTag() (tag string) {
	c.t.Helper()
	signatures, _ := c.signatures()
	tag = "sha256-" + c.subject.Digest.Hex + ".sig"
	if err := remote.Write(c.image.Context().Tag(tag), signatures); err != nil {
		c.t.Fatal(err)
	}
	return tag
}

// signAsReferrer attaches a signature and returns its digest and payload, like "cosign sign
// --registry-referrers-mode=oci-1-1".
func (c *cosign) signAsReferrer() (oci.Digest, string) {
	c.t.Helper()
	signatures, payload := c.signatures()
	config, err := signatures.RawConfigFile()
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := signatures.RawManifest()
	if err != nil {
		c.t.Fatal(err)
	}
	var manifest ocispec.Manifest
	if err = json.Unmarshal(text, &manifest); err != nil {
		c.t.Fatal(err)
	}
	c.upload(string(config), types.OCIConfigJSON)
	c.upload(payload, simpleSigning)
	manifest.ArtifactType, manifest.Config.MediaType = cosignSignature, cosignSignature
	return c.put(manifest), payload
}

// sign returns a signature of a text in base64.
func (c *cosign) sign(text string) string {
	c.t.Helper()
	digest := sha256.Sum256([]byte(text))
	made, err := ecdsa.SignASN1(rand.Reader, c.key, digest[:])
	if err != nil {
		c.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(made)
}

// upload uploads a blob and returns its descriptor.
func (c *cosign) upload(content string, mediaType types.MediaType) ocispec.Descriptor {
	c.t.Helper()
	if err := remote.WriteLayer(c.image.Context(), static.NewLayer([]byte(content), mediaType)); err != nil {
		c.t.Fatal(err)
	}
	return ocispec.Descriptor{
		MediaType: string(mediaType), Digest: digests.FromString(content), Size: int64(len(content)),
	}
}

// put puts a manifest that names the image as its subject.
func (c *cosign) put(manifest ocispec.Manifest) oci.Digest {
	c.t.Helper()
	manifest.SchemaVersion, manifest.MediaType = 2, ocispec.MediaTypeImageManifest
	manifest.Subject = &ocispec.Descriptor{
		MediaType: string(c.subject.MediaType), Digest: digests.Digest(c.subject.Digest.String()), Size: c.subject.Size,
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		c.t.Fatal(err)
	}
	digest := oci.DigestOf(text)
	if err = remote.Put(c.image.Context().Digest(digest.String()), rawManifest(text)); err != nil {
		c.t.Fatal(err)
	}
	return digest
}

// rawManifest implements remote.Taggable.
type rawManifest []byte

// RawManifest implements remote.Taggable.
func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType says what the manifest is.
func (rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
