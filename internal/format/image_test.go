package format_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

const emptyDocument = `{"images":[]}`

// newImage returns the image of an empty document.
func newImage(t *testing.T) format.Image {
	t.Helper()
	image, err := format.NewImage([]byte(emptyDocument))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func manifestOf(t *testing.T, image format.Image, header format.Header) oci.Manifest {
	t.Helper()
	repository, err := oci.ParseRepository("example.com/app", "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := image.Manifest(repository, header)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The stored format is released: these bytes must not change.
func TestImageHasTheReleasedBytes(t *testing.T) {
	image := newImage(t)
	header := format.Header{Number: 3, Ancestors: []oci.Digest{dig("a"), dig("b")}, Window: 250 * time.Millisecond}
	got := string(manifestOf(t, image, header).Content)
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json",` +
		`"digest":"` + oci.DigestOf(image.Config).String() + `","size":163},` +
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",` +
		`"digest":"` + oci.DigestOf(image.Layer).String() + `","size":` + "LAYER" + `}],` +
		`"annotations":{"dev.manifesto.ancestors":"` + dig("a").String() + "," + dig("b").String() + `",` +
		`"dev.manifesto.repository":"example.com/app","dev.manifesto.version":"3","dev.manifesto.window":"250ms"}}`
	size, _, _ := strings.Cut(got[strings.LastIndex(got, `"size":`)+len(`"size":`):], "}")
	if want = strings.Replace(want, "LAYER", size, 1); got != want {
		t.Errorf("the manifest is\n%s\nand was\n%s", got, want)
	}
	config := `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:`
	if !strings.HasPrefix(string(image.Config), config) || !strings.HasSuffix(string(image.Config), `"]}}`) {
		t.Errorf("config: %s", image.Config)
	}
	pins, err := format.PinConfig()
	if want := `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`; err != nil ||
		string(pins) != want {
		t.Errorf("the config of pin manifests is %s, %v", pins, err)
	}
}

func TestPinManifestHasTheReleasedBytes(t *testing.T) {
	repository, err := oci.ParseRepository("example.com/app", "")
	if err != nil {
		t.Fatal(err)
	}
	config, err := format.PinConfig()
	if err != nil {
		t.Fatal(err)
	}
	for layers, sizes := range map[string]map[oci.Digest]int64{
		`{"mediaType":"application/octet-stream","digest":"` + dig("a").String() + `","size":1},` +
			`{"mediaType":"application/octet-stream","digest":"` + dig("b").String() + `","size":0}`: {
			dig("b"): 0, dig("a"): 1, dig("c"): format.UnknownSize,
		},
		`{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` + oci.DigestOf([]byte("{}")).String() +
			`","size":2}`: {},
	} {
		m, err := format.PinManifest(repository, format.PinLayers(sizes), 7)
		want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json",` +
			`"digest":"` + oci.DigestOf(config).String() + `","size":90},"layers":[` + layers + `],` +
			`"annotations":{"dev.manifesto.repository":"example.com/app","dev.manifesto.version":"7"}}`
		if err != nil || string(m.Content) != want {
			t.Errorf("the pin manifest is\n%s, %v\nand was\n%s", m.Content, err, want)
		}
	}
}

func TestImageIsDeterministic(t *testing.T) {
	one, two := newImage(t), newImage(t)
	header := format.Header{Number: 3}
	if a, b := manifestOf(t, one, header), manifestOf(t, two, header); a.Digest != b.Digest {
		t.Errorf("the same document gives %s and %s", a.Digest, b.Digest)
	}
}

func TestImageReadsBack(t *testing.T) {
	image := newImage(t)
	data, err := format.ReadLayer(bytes.NewReader(image.Layer), format.MaxData, format.MaxData)
	if err != nil || string(data.Content) != emptyDocument {
		t.Errorf("reading back: %s, %v", data.Content, err)
	}
	header := format.Header{Number: 3, Ancestors: []oci.Digest{dig("a"), dig("b")}, Window: time.Second}
	parsed, err := format.ParseManifest(manifestOf(t, image, header))
	if err != nil {
		t.Fatal(err)
	}
	got := parsed.Header()
	if !slices.Equal(got.Ancestors, header.Ancestors) || got.Number != 3 || got.Window != time.Second {
		t.Errorf("the header reads back as %v", got)
	}
}

func TestDiffIDIsThatOfTheUncompressedLayer(t *testing.T) {
	image := newImage(t)
	plain, err := gzip.NewReader(bytes.NewReader(image.Layer))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(image.Config), string(oci.DigestOf(archive))) {
		t.Error("the config's diff_id is not the digest of the uncompressed layer")
	}
}
