package manifesto

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func layerOf(t testing.TB, compression registrytest.Compression, files ...registrytest.File) []byte {
	t.Helper()
	layer, err := registrytest.Layer(compression, files...)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func TestReadLayer(t *testing.T) {
	file := func(name, content string) registrytest.File {
		return registrytest.File{Name: name, Content: content}
	}
	tests := map[string]struct {
		files []registrytest.File
		want  layerData
		err   error
	}{
		"the file":                {[]registrytest.File{file("data", "x")}, layerData{found: true, content: []byte("x")}, nil},
		"with a leading dot":      {[]registrytest.File{file("./data", "x")}, layerData{found: true, content: []byte("x")}, nil},
		"with a leading slash":    {[]registrytest.File{file("/data", "x")}, layerData{found: true, content: []byte("x")}, nil},
		"among others":            {[]registrytest.File{file("a", "1"), file("data", "x"), file("z", "2")}, layerData{found: true, content: []byte("x")}, nil},
		"the last of two":         {[]registrytest.File{file("data", "x"), file("data", "y")}, layerData{found: true, content: []byte("y")}, nil},
		"of that name elsewhere":  {[]registrytest.File{file("sub/data", "x")}, layerData{}, nil},
		"climbing out of a tree":  {[]registrytest.File{file("a/../../data", "x")}, layerData{found: true, content: []byte("x")}, nil},
		"a whiteout":              {[]registrytest.File{file(".wh.data", "")}, layerData{hides: true}, nil},
		"an opaque whiteout":      {[]registrytest.File{file(".wh..wh..opq", "")}, layerData{hides: true}, nil},
		"a symbolic link":         {[]registrytest.File{{Name: "data", Content: "/etc/passwd", Typeflag: tar.TypeSymlink}}, layerData{}, ErrNotManifesto},
		"a directory":             {[]registrytest.File{{Name: "data/", Typeflag: tar.TypeDir}}, layerData{}, ErrNotManifesto},
		"larger than it may be":   {[]registrytest.File{file("data", strings.Repeat("x", 101))}, layerData{}, ErrTooLarge},
		"in a layer over a limit": {[]registrytest.File{file("big", strings.Repeat("x", 20000)), file("data", "x")}, layerData{}, ErrTooLarge},
	}
	for name, test := range tests {
		for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
			t.Run(name+"/"+string(compression), func(t *testing.T) {
				got, err := readLayer(bytes.NewReader(layerOf(t, compression, test.files...)), 10000, 100)
				if !errors.Is(err, test.err) {
					t.Fatalf("error %v, want %v", err, test.err)
				}
				if got.found != test.want.found || got.hides != test.want.hides || string(got.content) != string(test.want.content) {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		}
	}
}

func TestReadLayerOfGarbage(t *testing.T) {
	gzipped := layerOf(t, registrytest.Gzip, registrytest.File{Name: "data", Content: "some content"})
	for name, layer := range map[string][]byte{
		"text":           []byte(strings.Repeat("not a tar", 100)),
		"truncated gzip": gzipped[:len(gzipped)/2],
		"broken zstd":    append(bytes.Clone(zstdMagic), "rubbish"...),
	} {
		if got, err := readLayer(bytes.NewReader(layer), 10000, 100); !errors.Is(err, ErrNotManifesto) {
			t.Errorf("%s: %+v, %v; want ErrNotManifesto", name, got, err)
		}
	}
	if got, err := readLayer(strings.NewReader(""), 10000, 100); err != nil || got.found {
		t.Errorf("an empty layer: %+v, %v", got, err)
	}
}

// A layer of a few kilobytes that unpacks to more than the limit is noticed while it streams.
func TestReadLayerStopsAtABomb(t *testing.T) {
	bomb := layerOf(t, registrytest.Gzip, registrytest.File{Name: "other", Content: strings.Repeat("x", 4<<20)})
	if len(bomb) > 100<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	if got, err := readLayer(bytes.NewReader(bomb), 1<<20, 100); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("%+v, %v; want ErrTooLarge", got, err)
	}
}

func TestImageIsDeterministicAndReadsBack(t *testing.T) {
	repository, err := oci.ParseRepository("example.com/app", "")
	if err != nil {
		t.Fatal(err)
	}
	document := []byte(`{"images":[]}`)
	v := &version{number: 3, ancestors: []oci.Digest{dig("a"), dig("b")}}
	one, err := newImage(document)
	if err != nil {
		t.Fatal(err)
	}
	two, err := newImage(document)
	if err != nil {
		t.Fatal(err)
	}
	m, err := one.manifest(repository, v)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := two.manifest(repository, v); err != nil || m.Digest != again.Digest {
		t.Errorf("the same document gives %s and %s, %v", m.Digest, again.Digest, err)
	}
	data, err := readLayer(bytes.NewReader(one.layer), maxData, maxData)
	if err != nil || string(data.content) != string(document) {
		t.Errorf("reading back: %s, %v", data.content, err)
	}
	parsed, err := parseManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(parsed.ancestors(), v.ancestors) {
		t.Errorf("ancestors: %v", parsed.ancestors())
	}
	if parsed.version() != 3 || parsed.Annotations[annotationRepository] != "example.com/app" {
		t.Errorf("annotations: %v", parsed.Annotations)
	}
	want := `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["`
	if !strings.HasPrefix(string(one.config), want) {
		t.Errorf("config: %s", one.config)
	}
	plain, err := gzip.NewReader(bytes.NewReader(one.layer))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(one.config), string(oci.DigestOf(archive))) {
		t.Error("the config's diff_id is not the digest of the uncompressed layer")
	}
}

func FuzzReadLayer(f *testing.F) {
	for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
		f.Add(layerOf(f, compression, registrytest.File{Name: "data", Content: `{"images":[]}`}))
	}
	f.Fuzz(func(t *testing.T, layer []byte) {
		const limit = 1 << 20
		got, err := readLayer(bytes.NewReader(layer), limit, limit/2)
		if err == nil && len(got.content) > limit/2 {
			t.Fatalf("%d bytes of content, the limit is %d", len(got.content), limit/2)
		}
	})
}
