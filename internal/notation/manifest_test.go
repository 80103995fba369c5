package notation_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nregistry "github.com/notaryproject/notation-go/registry"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// TestManifestIsThatOfNotation lets notation-go store a signature, and compares the bytes of its manifest with ours.
func TestManifestIsThatOfNotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := notationtest.NewSigner(t, w.identity).Sign(t.Context(), w.target)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := made.Manifest(w.target)
	if err != nil {
		t.Fatal(err)
	}
	layout := filepath.Join(t.TempDir(), "layout")
	writeLayout(t, layout)
	repository, err := nregistry.NewOCIRepository(layout, nregistry.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	annotations := map[string]string{
		"io.cncf.notary.x509chain.thumbprint#S256": `["` + strings.Join(made.Thumbprints, `","`) + `"]`,
		"org.opencontainers.image.created":         made.SignedAt.Format(time.RFC3339),
	}
	_, stored, err := repository.PushSignature(t.Context(), made.MediaType, made.Envelope, w.target, annotations)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", stored.Digest.Encoded()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(theirs, ours.Content) || ours.MediaType != stored.MediaType || ours.Digest != stored.Digest {
		t.Errorf("ours:\n%s\ntheirs:\n%s", ours.Content, theirs)
	}
}

func writeLayout(t *testing.T, layout string) {
	t.Helper()
	if err := os.MkdirAll(layout, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
		"index.json": `{"schemaVersion":2,"manifests":[]}`,
	} {
		if err := os.WriteFile(filepath.Join(layout, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
