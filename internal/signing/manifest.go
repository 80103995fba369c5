package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// annotationThumbprints has the digests of the certificate chain as a JSON list, so that a reader may choose a
// signature before it downloads the envelope. Nothing signs it.
const annotationThumbprints = "io.cncf.notary.x509chain.thumbprint#S256"

// ErrNotSignature says that a manifest is not that of a signature.
var ErrNotSignature = errors.New("not a signature")

// ConfigContent is the blob that the manifest of a signature names as its config. A registry that wants all blobs of a
// manifest to be there needs it.
func ConfigContent() []byte { return []byte("{}") }

// Manifest returns the manifest that stores the signature. The subject is what was signed. Its bytes are those that the
// tools of the Notary Project store.
func (s Signature) Manifest(subject oci.Descriptor) (oci.Manifest, error) {
	thumbprints, err := json.Marshal(s.Thumbprints)
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("the manifest of a signature: %w", err)
	}
	content, err := json.Marshal(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: oci.MediaTypeOCIManifest,
		Config: oci.Descriptor{
			MediaType: ArtifactType, Digest: oci.DigestOf(ConfigContent()), Size: int64(len(ConfigContent())),
		},
		Layers: []oci.Descriptor{{
			MediaType: s.MediaType, Digest: oci.DigestOf(s.Envelope), Size: int64(len(s.Envelope)),
		}},
		Subject: &oci.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: map[string]string{
			annotationThumbprints: string(thumbprints),
			v1.AnnotationCreated:  s.SignedAt.UTC().Format(time.RFC3339),
		},
	})
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("the manifest of a signature: %w", err)
	}
	return oci.NewManifest(oci.MediaTypeOCIManifest, content), nil
}

// Stored is what the manifest of a signature says. All of it is a claim.
type Stored struct {
	// Envelope is the layer with the signature.
	Envelope oci.Descriptor
	// Thumbprints are the SHA-256 digests of the certificate chain, in hexadecimal. There are none if the annotation is
	// missing or malformed: it only helps to choose.
	Thumbprints []string
}

// ParseManifest reads the manifest of a signature of subject. The error wraps ErrNotSignature if the manifest is of
// another type, and oci.ErrNotReferrer if it is malformed or attached to something else.
func ParseManifest(m oci.Manifest, subject oci.Digest) (Stored, error) {
	referrer, err := oci.ParseReferrer(m, subject)
	switch {
	case err != nil:
		return Stored{}, err
	case referrer.ArtifactType != ArtifactType:
		return Stored{}, fmt.Errorf("%w: its type is %q", ErrNotSignature, oci.Printable(referrer.ArtifactType))
	case referrer.Layer == nil:
		return Stored{}, fmt.Errorf("%w: the manifest of a signature has one layer, the envelope", oci.ErrNotReferrer)
	}
	stored := Stored{Envelope: *referrer.Layer}
	if json.Unmarshal([]byte(referrer.Annotations[annotationThumbprints]), &stored.Thumbprints) != nil {
		stored.Thumbprints = nil
	}
	return stored, nil
}
