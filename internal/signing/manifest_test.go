package signing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func target() oci.Descriptor {
	return oci.Descriptor{
		MediaType: oci.MediaTypeOCIManifest, Digest: oci.DigestOf([]byte("x")), Size: 1,
		Annotations: map[string]string{"not": "stored"}, ArtifactType: "neither",
	}
}

func made() signing.Signature {
	return signing.Signature{
		Claims: signing.Claims{
			SignedAt: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("CET", 3600)), ExpiresAt: time.Unix(0, 0),
		},
		Envelope: []byte("envelope"), MediaType: signing.MediaTypeCOSE, Thumbprints: []string{"aa", "bb"},
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	manifest, err := made().Manifest(target())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.cncf.notary.signature",` +
		`"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},` +
		`"layers":[{"mediaType":"application/cose",` +
		`"digest":"` + oci.DigestOf([]byte("envelope")).String() + `","size":8}],` +
		`"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"digest":"` + target().Digest.String() + `","size":1},` +
		`"annotations":{"io.cncf.notary.x509chain.thumbprint#S256":"[\"aa\",\"bb\"]",` +
		`"org.opencontainers.image.created":"2026-01-02T03:04:05Z"}}`
	if string(manifest.Content) != want {
		t.Errorf("got\n%s\nwant\n%s", manifest.Content, want)
	}
	stored, err := signing.ParseManifest(manifest, target().Digest)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Envelope.Digest != oci.DigestOf([]byte("envelope")) || strings.Join(stored.Thumbprints, " ") != "aa bb" {
		t.Errorf("%+v", stored)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	t.Parallel()
	good, err := made().Manifest(target())
	if err != nil {
		t.Fatal(err)
	}
	layer := `{"mediaType":"application/cose","digest":"` + target().Digest.String() + `","size":8}`
	replace := func(from, to string) string { return strings.ReplaceAll(string(good.Content), from, to) }
	for name, test := range map[string]struct {
		content string
		subject oci.Digest
		want    error
	}{
		"no JSON":       {content: "{]", want: oci.ErrNotReferrer},
		"other subject": {content: string(good.Content), subject: oci.DigestOf(nil), want: oci.ErrNotReferrer},
		"other type":    {content: replace(signing.ArtifactType, "application/x"), want: signing.ErrNotSignature},
		"no layer":      {content: replace(`"size":8}]`, `"size":8},`+layer+`]`), want: oci.ErrNotReferrer},
		"bad layer":     {content: replace(oci.DigestOf([]byte("envelope")).String(), "x"), want: oci.ErrNotReferrer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := target().Digest
			if test.subject != "" {
				subject = test.subject
			}
			manifest := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(test.content))
			if _, err := signing.ParseManifest(manifest, subject); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func FuzzParseManifest(f *testing.F) {
	good, err := made().Manifest(target())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Content)
	f.Add([]byte(`{"subject":{"digest":1}}`))
	f.Add([]byte(`{"annotations":{"io.cncf.notary.x509chain.thumbprint#S256":"[1]"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		stored, err := signing.ParseManifest(oci.NewManifest(oci.MediaTypeOCIManifest, content), target().Digest)
		if err != nil {
			return
		}
		if _, err := oci.ParseDigest(stored.Envelope.Digest.String()); err != nil || stored.Envelope.Size < 0 {
			t.Errorf("%+v: %v", stored, err)
		}
	})
}
