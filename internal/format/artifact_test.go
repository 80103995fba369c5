package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var (
	describedImage = oci.Descriptor{MediaType: oci.MediaTypeOCIManifest, Digest: dig("a"), Size: 424}
	approval       = format.Entry{
		Type: "approval", Digest: dig("1"), Size: 3, MediaType: "text/plain; charset=utf-8",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Annotations: map[string]string{"by": "qa"},
	}
)

// The artifact of an entry is what other tools see: every byte of it is part of the format.
func TestNewArtifact(t *testing.T) {
	t.Parallel()
	artifact, m, err := format.NewArtifact(describedImage, "application/vnd.example.approval", approval)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"artifactType":"application/vnd.example.approval",` +
		`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":` +
		`"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},` +
		`"layers":[{"mediaType":"text/plain","digest":"` + dig("1").String() + `","size":3}],` +
		`"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + dig("a").String() +
		`","size":424},"annotations":{"by":"qa","dev.manifesto.type":"approval",` +
		`"org.opencontainers.image.created":"2026-01-02T03:04:05Z"}}`
	if got := string(m.Content); got != want {
		t.Errorf("the artifact is\n%s\nwant\n%s", got, want)
	}
	if artifact.Digest != m.Digest || artifact.ImageSize != 424 {
		t.Errorf("the artifact is described as %+v", artifact)
	}
}

// An entry that is stored and read again gives the same artifact; one that another tool has changed gives none.
func TestArtifactOf(t *testing.T) {
	t.Parallel()
	entry := approval
	var err error
	if entry.Artifact, _, err = format.NewArtifact(describedImage, "application/vnd.example.approval", entry); err != nil {
		t.Fatal(err)
	}
	d := &format.Document{}
	d.Set(dig("a"), entry)
	d, err = format.ParseDocument(d.Render())
	if err != nil {
		t.Fatal(err)
	}
	read, _ := d.Lookup(dig("a"), "approval")
	if got := d.ArtifactDigest(dig("a"), "approval"); got != entry.Artifact.Digest {
		t.Errorf("ArtifactDigest = %q, want %s", got, entry.Artifact.Digest)
	}
	if got := d.ArtifactDigest(dig("a"), "contact"); got != "" {
		t.Errorf("ArtifactDigest of no entry = %q", got)
	}
	if m, ok := format.ArtifactOf(dig("a"), read); !ok || m.Digest != entry.Artifact.Digest || !read.Equal(entry) {
		t.Errorf("the artifact of %+v is %s, %t", read, m.Digest, ok)
	}
	for name, change := range map[string]func(*format.Entry){
		"digest":      func(e *format.Entry) { e.Digest = dig("2") },
		"size":        func(e *format.Entry) { e.Size = 4 },
		"no size":     func(e *format.Entry) { e.Size = format.UnknownSize },
		"type":        func(e *format.Entry) { e.Type = "exception" },
		"annotations": func(e *format.Entry) { e.Annotations = nil },
		"artifact":    func(e *format.Entry) { e.Artifact.Type = "application/vnd.example.other" },
		"none":        func(e *format.Entry) { e.Artifact = format.Artifact{} },
	} {
		changed := read
		if change(&changed); changed.Equal(read) {
			t.Errorf("%s: nothing has changed", name)
		}
		if _, ok := format.ArtifactOf(dig("a"), changed); ok {
			t.Errorf("%s: the artifact still counts", name)
		}
	}
	if _, ok := format.ArtifactOf(dig("b"), read); ok {
		t.Error("the artifact counts for another image")
	}
	read.Artifact = format.Artifact{}
	d.Set(dig("a"), read)
	if strings.Contains(string(d.Render()), "artifact") {
		t.Errorf("an entry without an artifact is %s", d.Render())
	}
}

// A field artifact of another shape counts as missing, and stays as it is.
func TestForeignArtifact(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		`"sha256:1"`, `null`, `[]`, `{}`, `{"digest":"sha256:1","type":"a/b","image_media_type":"a/b","image_size":1}`,
		`{"digest":"` + dig("1").String() + `","type":"a b","image_media_type":"a/b","image_size":1}`,
		`{"digest":"` + dig("1").String() + `","type":"a/b","image_media_type":"a/b","image_size":-1}`,
		`{"digest":"` + dig("1").String() + `","type":"a/b","image_media_type":"a/b","image_size":"1"}`,
	} {
		text := `{"images":[{"image_digest":"` + dig("a").String() + `","manifesto":[{"type":"t","digest":"` +
			dig("1").String() + `","artifact":` + field + `}]}]}`
		d, err := format.ParseDocument([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		if entry, ok := d.Lookup(dig("a"), "t"); !ok || entry.Artifact != (format.Artifact{}) {
			t.Errorf("%s: the artifact is %+v", field, entry.Artifact)
		}
		if got := string(d.Render()); got != text {
			t.Errorf("%s is now %s", text, got)
		}
	}
}

func TestDefaultArtifactType(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for typ, want := range map[string]string{
		"approval":    "application/vnd.manifesto.approval.v1+json",
		"a b/c\u00e9": "application/vnd.manifesto.a-b-c-.v1+json",
		"":            "application/vnd.manifesto..v1+json",
		long:          "application/vnd.manifesto." + long[:105] + ".v1+json",
	} {
		if got := format.DefaultArtifactType(typ); got != want || !format.IsMediaType(got) {
			t.Errorf("DefaultArtifactType(%q) = %q, want %q", typ, got, want)
		}
	}
	for text, want := range map[string]bool{
		"a/b": true, "a": false, "a/b; c=d": false, "": false, "a/b c": false, "A/b+c": true,
	} {
		if format.IsMediaType(text) != want {
			t.Errorf("IsMediaType(%q) = %t", text, !want)
		}
	}
}
