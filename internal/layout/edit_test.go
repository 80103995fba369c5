package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Whatever is not about the tag stays as it is, byte for byte.
func TestWithTag(t *testing.T) {
	t.Parallel()
	one, two := oci.DigestOf([]byte("1")), oci.DigestOf([]byte("2"))
	target := oci.Descriptor{MediaType: oci.MediaTypeOCIManifest, Digest: two, Size: 99}
	added := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":99,"annotations":{%q:"t"}}`, target.MediaType, two, annotationName)
	moved := fmt.Sprintf(`"mediaType":%q,"digest":%q,"size":99`, target.MediaType, two)
	other := named(one, "other", "")
	tests := map[string]struct{ index, want string }{
		"first":             {`{"manifests":[]}`, `{"manifests":[` + added + `]}`},
		"first, of null":    {`{"manifests" : null , "x":1}`, `{"manifests" : [` + added + `] , "x":1}`},
		"first, in a space": {"{\n  \"manifests\": [\n  ]\n}\n", "{\n  \"manifests\": [" + added + "]\n}\n"},
		"appended": {
			"{\n \"x\" : 1e2,\n \"manifests\": [\n  " + other + "\n ],\n \"annotations\":{\"a\":\"\\u0062\"} }\n",
			"{\n \"x\" : 1e2,\n \"manifests\": [\n  " + other + "," + added + "\n ],\n \"annotations\":{\"a\":\"\\u0062\"} }\n",
		},
		"replaced among others": {
			`{"z":0, "manifests":[` + other + `, ` + named(one, "t", "x/y:t") + ` ,` + other + `],"schemaVersion":2}`,
			`{"z":0, "manifests":[` + other + `, {` + moved + `,"annotations":` + fmt.Sprintf(`{%q:"t",%q:"x/y:t"}`, annotationName, annotationContainerd) +
				`} ,` + other + `],"schemaVersion":2}`,
		},
		"a whole reference stays one": {
			indexOf(named(one, "host/app:t", "")), indexOf("{" + moved + fmt.Sprintf(`,"annotations":{%q:"host/app:t",%q:""}}`, annotationName, annotationContainerd)),
		},
		"listed twice": {
			indexOf(named(one, "t", ""), other, named(one, "t", "")),
			indexOf("{"+moved+fmt.Sprintf(`,"annotations":{%q:"t",%q:""}}`, annotationName, annotationContainerd), other,
				"{"+moved+fmt.Sprintf(`,"annotations":{%q:"t",%q:""}}`, annotationName, annotationContainerd)),
		},
		"what was about the old one goes": {
			fmt.Sprintf(`{"manifests":[{"data":"eA==","x\u0031" : {"y": 1.50}, "platform":{"os":"linux"},"size":1,"digest":%q,"annotations":{%q:"t"}, "urls":[],"artifactType":"a"}]}`, one, annotationName),
			fmt.Sprintf(`{"manifests":[{"x\u0031":{"y": 1.50},"size":99,"digest":%q,"annotations":{%q:"t"},"mediaType":%q}]}`, two, annotationName, target.MediaType),
		},
		"in Go's other spelling": {
			fmt.Sprintf(`{"manifests":[{"Digest":%q,"digest":%q,"annotations":{%q:"t"}}]}`, one, one, annotationName),
			fmt.Sprintf(`{"manifests":[{"digest":%q,"annotations":{%q:"t"},"mediaType":%q,"size":99}]}`, two, annotationName, target.MediaType),
		},
		"already there": {indexOf(named(two, "t", "")), indexOf(named(two, "t", ""))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ix, err := parseIndex([]byte(test.index))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ix.withTag("t", target)
			if err != nil || string(got) != test.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, test.want)
			}
			if string(ix.text) != test.index {
				t.Error("the original was changed")
			}
		})
	}
}

func FuzzIndex(f *testing.F) {
	one := oci.DigestOf([]byte("1"))
	for _, seed := range []string{
		emptyIndex, `{"manifests":null}`, indexOf(named(one, "t", "")), indexOf(named(one, "host/app:t", ""), listed(one, "")),
		"{\n   \"schemaVersion\": 2,\n   \"manifests\": [\n      " + listed(one, `,"data":"e30="`) + "\n   ]\n}", `{"manifests":[],"manifests":[]}`, `[]`, `{`,
		`{"\u006danifests":[{"\u0064igest":"x","annotations":{"org.opencontainers.image.ref.name":"t"}}]}`, `{"manifests":[{"digest":"\ud800","DIGEST":"a"}]}`,
	} {
		f.Add([]byte(seed))
	}
	target := oci.Descriptor{MediaType: oci.MediaTypeOCIManifest, Digest: oci.DigestOf([]byte("2")), Size: 99}
	f.Fuzz(func(t *testing.T, text []byte) {
		before, err := parseIndex(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is not JSON", text)
		}
		edited, err := before.withTag("t", target)
		if err != nil {
			return
		}
		after, err := parseIndex(edited)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, edited, err)
		}
		if found, err := after.find("t"); err != nil || found.Digest != target.Digest {
			t.Fatalf("%q: the tag is on %s, %v", edited, found.Digest, err)
		}
		if again, err := after.withTag("t", target); err != nil || !bytes.Equal(again, edited) {
			t.Fatalf("%q became %q, %v", edited, again, err)
		}
		moved := map[int]bool{}
		for _, i := range before.tagged("t") {
			moved[i] = true
		}
		for i, e := range before.entries {
			was, is := text[e.at.Start:e.at.End], edited[after.entries[i].at.Start:after.entries[i].at.End]
			if !moved[i] && !bytes.Equal(was, is) {
				t.Fatalf("descriptor %d was %q and is %q", i, was, is)
			}
		}
		if !bytes.HasPrefix(edited, text[:before.list.Start]) || !bytes.HasSuffix(edited, text[before.list.End:]) {
			t.Fatalf("%q became %q", text, edited)
		}
	})
}

// A layout of go-containerregistry is read, changed, and read back by it.
func TestGoContainerRegistry(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "bundle")
	images, err := random.Index(100, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	written, err := layout.Write(directory, images)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := written.AppendImage(image, layout.WithAnnotations(map[string]string{annotationName: "index.docker.io/org/app:1"})); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	l := Open(directory)
	if got, err := l.HeadManifest(t.Context(), "1"); err != nil || got.String() != digest.String() {
		t.Errorf("the tag is on %s, %v; want %s", got, err, digest)
	}
	if _, err := l.GetManifest(t.Context(), ""); err == nil || !strings.Contains(err.Error(), digest.String()) {
		t.Errorf("%v; want an error that lists the three images", err)
	}
	ours := push(t, l, "_manifesto", "x")
	again, err := layout.FromPath(directory)
	if err != nil {
		t.Fatal(err)
	}
	index, err := again.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 4 {
		t.Fatalf("%+v, %v; want four descriptors", manifest, err)
	}
	last := manifest.Manifests[3]
	if last.Annotations[annotationName] != "_manifesto" || last.Digest.String() != ours.Digest.String() {
		t.Errorf("the last descriptor is %+v", last)
	}
	read, err := again.Image(last.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if layers, err := read.Layers(); err != nil || len(layers) != 1 {
		t.Errorf("%d layers, %v", len(layers), err)
	}
}
