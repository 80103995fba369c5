package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Everything that is not about the tag stays byte for byte.
func TestWithTag(t *testing.T) {
	t.Parallel()
	one, two := oci.DigestOf([]byte("1")), oci.DigestOf([]byte("2"))
	target := oci.Descriptor{MediaType: oci.MediaTypeOCIManifest, Digest: two, Size: 99}
	moved := fmt.Sprintf(`"mediaType":%q,"digest":%q,"size":99`, target.MediaType, two)
	annotated := fmt.Sprintf(`"annotations":{%q:"t"}`, annotationName)
	annotatedTwice := fmt.Sprintf(`"annotations":{%q:"t",%q:""}`, annotationName, annotationContainerd)
	added := "{" + moved + "," + annotated + "}"
	other := named(one, "other", "")
	tests := map[string]struct{ index, want string }{
		"first":             {`{"manifests":[]}`, `{"manifests":[` + added + `]}`},
		"first, of null":    {`{"manifests" : null , "x":1}`, `{"manifests" : [` + added + `] , "x":1}`},
		"first, in a space": {"{\n  \"manifests\": [\n  ]\n}\n", "{\n  \"manifests\": [" + added + "]\n}\n"},
		"appended": {
			"{\n \"x\" : 1e2,\n \"manifests\": [\n  " + other + "\n ],\n \"annotations\":{\"a\":\"\\u0062\"} }\n",
			"{\n \"x\" : 1e2,\n \"manifests\": [\n  " + other + "," + added + "\n ],\n" +
				" \"annotations\":{\"a\":\"\\u0062\"} }\n",
		},
		"replaced among others": {
			`{"z":0, "manifests":[` + other + `, ` + named(one, "t", "x/y:t") + ` ,` + other + `],"schemaVersion":2}`,
			`{"z":0, "manifests":[` + other + `, {` + moved + `,` + strings.Replace(annotatedTwice, `""`, `"x/y:t"`, 1) +
				`} ,` + other + `],"schemaVersion":2}`,
		},
		"a whole reference stays one": {
			indexOf(named(one, "host/app:t", "")),
			indexOf("{" + moved + "," + strings.Replace(annotatedTwice, `"t"`, `"host/app:t"`, 1) + "}"),
		},
		"listed twice": {
			indexOf(named(one, "t", ""), other, named(one, "t", "")),
			indexOf("{"+moved+","+annotatedTwice+"}", other, "{"+moved+","+annotatedTwice+"}"),
		},
		"fields about the old manifest go": {
			`{"manifests":[{"data":"eA==","x\u0031" : {"y": 1.50}, "platform":{"os":"linux"},"size":1,` +
				fmt.Sprintf(`"digest":%q,%s, "urls":[],"artifactType":"a"}]}`, one, annotated),
			fmt.Sprintf(`{"manifests":[{"x\u0031":{"y": 1.50},"size":99,"digest":%q,%s,"mediaType":%q}]}`,
				two, annotated, target.MediaType),
		},
		"keys in another case": {
			fmt.Sprintf(`{"manifests":[{"Digest":%q,"digest":%q,%s}]}`, one, one, annotated),
			fmt.Sprintf(`{"manifests":[{"digest":%q,%s,"mediaType":%q,"size":99}]}`, two, annotated, target.MediaType),
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
		emptyIndex, `{"manifests":null}`, `{"manifests":[],"manifests":[]}`, `[]`, `{`,
		indexOf(named(one, "t", "")), indexOf(named(one, "host/app:t", ""), listed(one, "")),
		"{\n   \"schemaVersion\": 2,\n   \"manifests\": [\n      " + listed(one, `,"data":"e30="`) + "\n   ]\n}",
		`{"\u006danifests":[{"\u0064igest":"x","annotations":{"org.opencontainers.image.ref.name":"t"}}]}`,
		`{"manifests":[{"digest":"\ud800","DIGEST":"a"}]}`,
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
		checkRest(t, before, after, before.tagged("t"))
	})
}

// checkRest checks that an edit left everything but the moved descriptors byte for byte.
func checkRest(t *testing.T, before, after index, moved []int) {
	t.Helper()
	for i, e := range before.entries {
		was := before.text[e.at.Start:e.at.End]
		is := after.text[after.entries[i].at.Start:after.entries[i].at.End]
		if !slices.Contains(moved, i) && !bytes.Equal(was, is) {
			t.Fatalf("descriptor %d was %q and is %q", i, was, is)
		}
	}
	head, tail := before.text[:before.list.Start], before.text[before.list.End:]
	if !bytes.HasPrefix(after.text, head) || !bytes.HasSuffix(after.text, tail) {
		t.Fatalf("%q became %q", before.text, after.text)
	}
}

// foreignLayout lets go-containerregistry write a layout with two images without a tag and one with the tag 1. It
// returns the directory and the digest of the tagged image.
func foreignLayout(t *testing.T) (directory, digest string) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "bundle")
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
	name := layout.WithAnnotations(map[string]string{annotationName: "index.docker.io/org/app:1"})
	if err = written.AppendImage(image, name); err != nil {
		t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return directory, hash.String()
}

func TestReadsLayoutOfGoContainerRegistry(t *testing.T) {
	t.Parallel()
	directory, digest := foreignLayout(t)
	l := Open(directory)
	if got, err := l.HeadManifest(t.Context(), "1"); err != nil || got.String() != digest {
		t.Errorf("the tag is on %s, %v; want %s", got, err, digest)
	}
	if _, err := l.GetManifest(t.Context(), ""); err == nil || !strings.Contains(err.Error(), digest) {
		t.Errorf("%v; want an error that lists the three images", err)
	}
}

func TestGoContainerRegistryReadsEditedLayout(t *testing.T) {
	t.Parallel()
	directory, _ := foreignLayout(t)
	ours := push(t, Open(directory), "_manifesto", "x")
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
