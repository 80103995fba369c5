package format_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
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
	found := func(content string) format.LayerData {
		return format.LayerData{Found: true, Content: []byte(content)}
	}
	tests := map[string]struct {
		files []registrytest.File
		want  format.LayerData
		err   error
	}{
		"the file":               {[]registrytest.File{file("data", "x")}, found("x"), nil},
		"with a leading dot":     {[]registrytest.File{file("./data", "x")}, found("x"), nil},
		"with a leading slash":   {[]registrytest.File{file("/data", "x")}, found("x"), nil},
		"among others":           {[]registrytest.File{file("a", "1"), file("data", "x"), file("z", "2")}, found("x"), nil},
		"the last of two":        {[]registrytest.File{file("data", "x"), file("data", "y")}, found("y"), nil},
		"of that name elsewhere": {[]registrytest.File{file("sub/data", "x")}, format.LayerData{}, nil},
		"climbing out of a tree": {[]registrytest.File{file("a/../../data", "x")}, found("x"), nil},
		"a whiteout":             {[]registrytest.File{file(".wh.data", "")}, format.LayerData{Hides: true}, nil},
		"an opaque whiteout":     {[]registrytest.File{file(".wh..wh..opq", "")}, format.LayerData{Hides: true}, nil},
		"a symbolic link": {[]registrytest.File{{Name: "data", Content: "/etc/passwd", Typeflag: tar.TypeSymlink}},
			format.LayerData{}, format.ErrNotManifesto},
		"a directory": {[]registrytest.File{{Name: "data/", Typeflag: tar.TypeDir}}, format.LayerData{},
			format.ErrNotManifesto},
		"larger than it may be": {[]registrytest.File{file("data", strings.Repeat("x", 101))}, format.LayerData{},
			format.ErrTooLarge},
		"in a layer over a limit": {[]registrytest.File{file("big", strings.Repeat("x", 20000)), file("data", "x")},
			format.LayerData{}, format.ErrTooLarge},
	}
	for name, test := range tests {
		for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
			t.Run(name+"/"+string(compression), func(t *testing.T) {
				got, err := format.ReadLayer(bytes.NewReader(layerOf(t, compression, test.files...)), 10000, 100)
				if !errors.Is(err, test.err) {
					t.Fatalf("error %v, want %v", err, test.err)
				}
				if got.Found != test.want.Found || got.Hides != test.want.Hides ||
					string(got.Content) != string(test.want.Content) {
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
		"broken zstd":    []byte("\x28\xb5\x2f\xfdrubbish"),
	} {
		if got, err := format.ReadLayer(bytes.NewReader(layer), 10000, 100); !errors.Is(err, format.ErrNotManifesto) {
			t.Errorf("%s: %+v, %v; want ErrNotManifesto", name, got, err)
		}
	}
	if got, err := format.ReadLayer(strings.NewReader(""), 10000, 100); err != nil || got.Found {
		t.Errorf("an empty layer: %+v, %v", got, err)
	}
}

// A layer of a few kilobytes that unpacks to more than the limit is noticed while it streams.
func TestReadLayerStopsAtABomb(t *testing.T) {
	bomb := layerOf(t, registrytest.Gzip, registrytest.File{Name: "other", Content: strings.Repeat("x", 4<<20)})
	if len(bomb) > 100<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	if got, err := format.ReadLayer(bytes.NewReader(bomb), 1<<20, 100); !errors.Is(err, format.ErrTooLarge) {
		t.Fatalf("%+v, %v; want ErrTooLarge", got, err)
	}
}

func FuzzReadLayer(f *testing.F) {
	for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
		f.Add(layerOf(f, compression, registrytest.File{Name: "data", Content: `{"images":[]}`}))
	}
	f.Fuzz(func(t *testing.T, layer []byte) {
		const limit = 1 << 20
		got, err := format.ReadLayer(bytes.NewReader(layer), limit, limit/2)
		if err == nil && len(got.Content) > limit/2 {
			t.Fatalf("%d bytes of content, the limit is %d", len(got.Content), limit/2)
		}
	})
}
