package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// listed returns a descriptor for an index, with more fields at its end.
func listed(digest oci.Digest, fields string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":7%s}`, oci.MediaTypeOCIManifest, digest, fields)
}

// named returns a descriptor with both annotations that name an image.
func named(digest oci.Digest, name, containerd string) string {
	return listed(digest, fmt.Sprintf(`,"annotations":{%q:%q,%q:%q}`,
		annotationName, name, annotationContainerd, containerd))
}

func indexOf(descriptors ...string) string {
	return `{"schemaVersion":2,"manifests":[` + strings.Join(descriptors, ",") + `]}`
}

func TestFind(t *testing.T) {
	t.Parallel()
	one, two, ours := oci.DigestOf([]byte("1")), oci.DigestOf([]byte("2")), ownManifests()
	tests := map[string]struct {
		index, tag string
		want       oci.Digest
	}{
		"tag (skopeo, oras, regclient)":    {indexOf(named(one, "1", ""), named(two, "2", "")), "2", two},
		"tag and name (Docker, BuildKit)":  {indexOf(named(one, "1", "docker.io/org/app:1")), "1", one},
		"whole reference (crane)":          {indexOf(named(one, "index.docker.io/org/app:1", "")), "1", one},
		"whole reference with a port":      {indexOf(named(one, "localhost:5000/app:1", "")), "1", one},
		"reference with a digest":          {indexOf(named(one, "host/app:1@"+two.String(), "")), "1", one},
		"name of containerd only":          {indexOf(named(one, "", "docker.io/org/app:1")), "1", one},
		"plain tag before whole reference": {indexOf(named(one, "host/app:1", ""), named(two, "1", "")), "1", two},
		"one image listed twice":           {indexOf(named(one, "1", ""), named(one, "1", "")), "1", one},
		"only image, without a tag":        {indexOf(listed(one, "")), "", one},
		"only image besides ours":          {indexOf(ours, named(one, "1", "")), "", one},
		"only image with two tags":         {indexOf(named(one, "1", ""), named(one, "latest", "")), "", one},
		"artifactType of an image (crane)": {
			indexOf(listed(one, `,"artifactType":"application/vnd.docker.container.image.v1+json"`)), "", one,
		},
		"an artifact is no image": {
			indexOf(named(one, "1", ""), listed(two, `,"artifactType":"application/x"`)), "", one,
		},
		"an attestation is no image": {
			indexOf(named(one, "1", ""), listed(two, `,"platform":{"os":"unknown","architecture":"unknown"}`)), "", one,
		},
		"another media type is no image": {
			indexOf(named(one, "1", ""), fmt.Sprintf(`{"mediaType":"text/plain","digest":%q}`, two)), "", one,
		},
		"a tag that is not ours but like it":  {indexOf(named(one, "manifesto", ""), ours), "", one},
		"other digests do not matter":         {indexOf(named(one, "1", ""), named("sha512:abc", "2", "")), "1", one},
		"an empty tag is no name of an image": {indexOf(named(one, "host/app:", "")), "", one},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ix, err := parseIndex([]byte(test.index))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ix.find(test.tag); err != nil || got.Digest != test.want {
				t.Errorf("find(%q) = %s, %v; want %s", test.tag, got.Digest, err, test.want)
			}
		})
	}
}

func TestFindFails(t *testing.T) {
	t.Parallel()
	one, two, ours := oci.DigestOf([]byte("1")), oci.DigestOf([]byte("2")), ownManifests()
	tests := map[string]struct {
		index, tag string
		want       error
		says       string
	}{
		"port, no tag": {indexOf(named(one, "localhost:5000/app", "")), "5000", oci.ErrNotFound, ""},
		"the tag counts before containerd's": {
			indexOf(named(one, "1", "docker.io/org/app:2")), "2", oci.ErrNotFound, "1 (" + one.String(),
		},
		"two images of one tag": {
			indexOf(named(one, "1", ""), named(two, "1", "")), "1", ErrSeveralImages, two.String(),
		},
		"one tag of two repositories": {
			indexOf(named(one, "host/a:1", ""), named(two, "host/b:1", "")), "1", ErrSeveralImages, two.String(),
		},
		"no such tag": {
			indexOf(named(one, "1", ""), ours), "2", oci.ErrNotFound, "1 (" + one.String(),
		},
		"tag of an empty layout": {emptyIndex, "2", oci.ErrNotFound, "no image"},
		"manifests null":         {`{"manifests":null}`, "2", oci.ErrNotFound, "no image"},
		"no image but ours":      {indexOf(ours), "", oci.ErrNotFound, "no image"},
		"two images, no tag": {
			indexOf(named(one, "1", ""), listed(two, ""), ours), "", ErrSeveralImages,
			"1 (" + one.String() + "), " + two.String(),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ix, err := parseIndex([]byte(test.index))
			if err != nil {
				t.Fatal(err)
			}
			_, err = ix.find(test.tag)
			if !errors.Is(err, test.want) {
				t.Fatalf("find(%q): %v; want %v", test.tag, err, test.want)
			}
			if !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "_manifesto") {
				t.Errorf("%v; want %q in it, and no manifest of this program", err, test.says)
			}
		})
	}
}

// ownManifests are the descriptors of manifests that this program stores.
func ownManifests() string {
	digest := oci.DigestOf([]byte("ours"))
	return named(digest, "_manifesto", "") + "," + named(digest, "_manifesto.pins", "") + "," +
		named(digest, "host/app:_manifesto.pins.1", "")
}

func TestManyImagesAreNotAllListed(t *testing.T) {
	t.Parallel()
	var descriptors []string
	for i := range 30 {
		descriptors = append(descriptors, named(oci.DigestOf([]byte{byte(i)}), fmt.Sprint("v", i), ""))
	}
	ix, err := parseIndex([]byte(indexOf(descriptors...)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ix.find("")
	if err == nil || !strings.Contains(err.Error(), "10 more") || strings.Contains(err.Error(), "v20") {
		t.Error(err)
	}
}

// multiPlatform stores an image for a platform by its digest, and an index of it under the tag multi.
func multiPlatform(t *testing.T, l *Layout, platform oci.Platform) (index, child oci.Manifest) {
	t.Helper()
	child = push(t, l, "", "child")
	index = oci.NewManifest("", fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[%s]}`, mustJSON(t, oci.Descriptor{
		MediaType: child.MediaType, Digest: child.Digest, Size: int64(len(child.Content)), Platform: platform.Spec(),
	})))
	if err := l.PutManifest(t.Context(), "multi", index, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return index, child
}

func TestGetManifest(t *testing.T) {
	t.Parallel()
	l := Open(newLayout(t, emptyIndex))
	platform := oci.Platform{OS: "linux", Architecture: "arm64"}
	index, child := multiPlatform(t, l, platform)
	for identifier, want := range map[string]oci.Manifest{
		"multi": index, "": index, index.Digest.String(): index, child.Digest.String(): child,
	} {
		got, err := l.GetManifest(t.Context(), identifier)
		if err != nil || got.Digest != want.Digest || string(got.Content) != string(want.Content) {
			t.Fatalf("GetManifest(%q) = %s, %v; want %s", identifier, got.Digest, err, want.Digest)
		}
		wantType := oci.MediaTypeOCIManifest
		if want.Digest == index.Digest {
			wantType = oci.MediaTypeOCIIndex // From its shape: neither it nor the index has a media type.
		}
		if got.MediaType != wantType {
			t.Errorf("GetManifest(%q) is %s, want %s", identifier, got.MediaType, wantType)
		}
		if digest, err := l.HeadManifest(t.Context(), identifier); err != nil || digest != want.Digest {
			t.Errorf("HeadManifest(%q) = %s, %v", identifier, digest, err)
		}
	}
	got, err := l.GetManifest(t.Context(), "multi")
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Child(platform); err != nil || digest != child.Digest {
		t.Errorf("the child is %s, %v", digest, err)
	}
}

// The index does not list a manifest that is put by digest, such as the child of a multi-platform image.
func TestManifestByDigestIsNotListed(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	push(t, Open(directory), "", "child")
	if got := readIndexFile(t, directory); got != emptyIndex {
		t.Errorf("the index is %s", got)
	}
}

func TestGetManifestNotFound(t *testing.T) {
	t.Parallel()
	l := Open(newLayout(t, emptyIndex))
	push(t, l, "tag", "x")
	blob, err := l.PutBlob(t.Context(), []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"none", oci.DigestOf([]byte("none")).String(), blob.String()} {
		if _, err := l.GetManifest(t.Context(), identifier); !errors.Is(err, oci.ErrNotFound) || errors.Is(err, ErrDamaged) {
			t.Errorf("GetManifest(%q): %v; want ErrNotFound", identifier, err)
		}
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	docker := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{},"layers":[]}`, oci.MediaTypeDockerManifest)
	for content, want := range map[string]string{
		docker: oci.MediaTypeDockerManifest,
		`{"schemaVersion":2,"config":{},"layers":[]}`:       oci.MediaTypeOCIManifest,
		`{"schemaVersion":2,"manifests":[]}`:                oci.MediaTypeOCIIndex,
		`{"schemaVersion":1,"fsLayers":[]}`:                 "",
		`{"architecture":"amd64","os":"linux","config":{}}`: "",
		`{"schemaVersion":2}`:                               "",
		`content`:                                           "",
	} {
		if got := typeOf(oci.NewManifest("", []byte(content))); got != want {
			t.Errorf("typeOf(%s) = %q, want %q", content, got, want)
		}
	}
}

// A manifest that the index names is never absent: if its blob is missing or damaged, so is the layout.
func TestNamedManifestMissing(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	m := push(t, l, "_manifesto", "x")
	_, digits, _ := strings.Cut(m.Digest.String(), ":")
	file := filepath.Join(directory, blobsPath, digits)
	writeFile(t, file, "damaged")
	if _, err := l.GetManifest(t.Context(), "_manifesto"); !errors.Is(err, oci.ErrDigestMismatch) {
		t.Errorf("%v; want ErrDigestMismatch", err)
	}
	writeFile(t, file, strings.Repeat("x", oci.MaxManifestSize+1))
	if _, err := l.GetManifest(t.Context(), "_manifesto"); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("%v; want ErrTooLarge", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, err := l.HeadManifest(t.Context(), "_manifesto")
	if !errors.Is(err, ErrDamaged) || errors.Is(err, oci.ErrNotFound) {
		t.Errorf("%v; want ErrDamaged", err)
	}
}

func TestPutManifestRefused(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	good, err := pushBlobs(t.Context(), l, "x")
	if err != nil {
		t.Fatal(err)
	}
	missing := oci.DigestOf([]byte("missing"))
	config := oci.DigestOf([]byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	parent := oci.NewManifest(oci.MediaTypeOCIIndex, fmt.Appendf(nil, `{"manifests":[{"digest":%q}]}`, missing))
	large := oci.NewManifest(oci.MediaTypeOCIManifest, make([]byte, oci.MaxManifestSize+1))
	image := func(config, layer oci.Digest) oci.Manifest {
		return oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil,
			`{"schemaVersion":2,"config":{"digest":%q},"layers":[{"digest":%q}]}`, config, layer))
	}
	tests := map[string]struct {
		identifier string
		manifest   oci.Manifest
		want       error
	}{
		"config missing":   {"t", image(missing, config), oci.ErrManifestRefused},
		"layer missing":    {"t", image(config, missing), oci.ErrManifestRefused},
		"path for a layer": {"t", image(config, "sha256:../../oci-layout"), oci.ErrManifestRefused},
		"child missing":    {"t", parent, oci.ErrManifestRefused},
		"not JSON":         {"t", oci.NewManifest(oci.MediaTypeOCIManifest, []byte("x")), oci.ErrManifestRefused},
		"no media type":    {"t", oci.NewManifest("", []byte("{}")), oci.ErrManifestRefused},
		"another digest":   {missing.String(), good, oci.ErrManifestRefused},
		"no identifier":    {"", good, oci.ErrManifestRefused},
		"too large":        {"t", large, oci.ErrTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := l.PutManifest(t.Context(), test.identifier, test.manifest, time.Time{})
			if !errors.Is(err, test.want) || errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrAmbiguous) {
				t.Errorf("%v; want %v", err, test.want)
			}
		})
	}
	if got := readIndexFile(t, directory); got != emptyIndex {
		t.Errorf("the index is now %s", got)
	}
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	l := Open(newLayout(t, emptyIndex))
	content := []byte("content")
	digest := oci.DigestOf(content)
	for range 2 {
		if got, err := l.PutBlob(t.Context(), content); err != nil || got != digest {
			t.Fatalf("PutBlob = %s, %v", got, err)
		}
	}
	if size, err := l.HeadBlob(t.Context(), digest); err != nil || size != int64(len(content)) {
		t.Errorf("HeadBlob = %d, %v", size, err)
	}
	if got, err := l.GetBlob(t.Context(), digest, int64(len(content))); err != nil || string(got) != string(content) {
		t.Errorf("GetBlob = %q, %v", got, err)
	}
	if _, err := l.GetBlob(t.Context(), digest, int64(len(content))-1); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("%v; want ErrTooLarge", err)
	}
}

func TestPutBlobReplacesDamagedBlob(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	content := []byte("content")
	digest := oci.DigestOf(content)
	_, digits, _ := strings.Cut(digest.String(), ":")
	writeFile(t, filepath.Join(directory, blobsPath, digits), "CONTENT")
	if _, err := l.GetBlob(t.Context(), digest, 100); !errors.Is(err, oci.ErrDigestMismatch) {
		t.Errorf("%v; want ErrDigestMismatch", err)
	}
	if _, err := l.PutBlob(t.Context(), content); err != nil {
		t.Fatal(err)
	}
	if got, err := l.GetBlob(t.Context(), digest, 100); err != nil || string(got) != string(content) {
		t.Errorf("after the second PutBlob: %q, %v", got, err)
	}
}

func TestMissingBlobs(t *testing.T) {
	t.Parallel()
	l := Open(newLayout(t, emptyIndex))
	missing := oci.DigestOf([]byte("missing"))
	if _, err := l.HeadBlob(t.Context(), missing); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("%v; want ErrNotFound", err)
	}
	if _, err := l.GetBlob(t.Context(), missing, 1); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("%v; want ErrNotFound", err)
	}
	for _, bad := range []oci.Digest{"", "sha256:../../oci-layout", "../oci-layout", "sha512:00"} {
		if _, err := l.GetBlob(t.Context(), bad, 100); !errors.Is(err, oci.ErrBadDigest) {
			t.Errorf("%q: %v; want ErrBadDigest", bad, err)
		}
	}
}

// A PUT that gets the lock after its deadline changes nothing.
func TestPutManifestLate(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	m, err := pushBlobs(t.Context(), l, "x")
	if err != nil {
		t.Fatal(err)
	}
	late := time.Now().Add(-time.Second)
	if err = l.PutManifest(t.Context(), "tag", m, late); !errors.Is(err, oci.ErrLate) || errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("%v; want ErrLate", err)
	}
	if got := readIndexFile(t, directory); got != emptyIndex {
		t.Errorf("the index is %s", got)
	}
}
