package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// attach stores a report about an image by its digest, and returns a descriptor for index.json.
func attach(t *testing.T, l *Layout, image oci.Digest) (oci.Digest, string) {
	t.Helper()
	const typ = "a/report"
	m, err := registrytest.Artifact{Type: typ, Layers: []string{typ}}.Manifest(t.Context(), l, image)
	if err == nil {
		err = l.PutManifest(t.Context(), m.Digest.String(), m, time.Time{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Digest, listed(m.Digest, fmt.Sprintf(`,"artifactType":%q`, typ))
}

// referrers returns the sorted digests that a layout lists, and fails the test on an error.
func referrers(t *testing.T, l *Layout, image oci.Digest) []oci.Digest {
	t.Helper()
	found, err := l.Referrers(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	var digests []oci.Digest
	for _, entry := range found {
		digests = append(digests, entry.Digest)
	}
	slices.Sort(digests)
	return digests
}

func sorted(digests ...oci.Digest) []oci.Digest { return slices.Sorted(slices.Values(digests)) }

// Manifests in the index whose subject is the image are its referrers, and so is what its fallback tag lists.
func TestReferrers(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	one, two, bare := push(t, l, "1", "one").Digest, push(t, l, "2", "two").Digest, push(t, l, "3", "three").Digest
	report, reportEntry := attach(t, l, one)
	other, otherEntry := attach(t, l, two)
	sbom, err := registrytest.Attach(t.Context(), l, one, registrytest.Artifact{Type: "a/sbom"})
	if err != nil {
		t.Fatal(err)
	}
	// The index names the report, and a list under the fallback tag the SBOM.
	index := readIndexFile(t, directory)
	end := strings.LastIndex(index, "]")
	writeFile(t, filepath.Join(directory, indexFile), index[:end]+","+reportEntry+","+otherEntry+index[end:])
	for image, want := range map[oci.Digest][]oci.Digest{
		one: sorted(report, sbom.Digest), two: {other}, bare: nil, oci.DigestOf(nil): nil,
	} {
		if got := referrers(t, l, image); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", image, got, want)
		}
	}
	if _, err := l.HeadManifest(t.Context(), "1"); err != nil {
		t.Error(err)
	}
}

// A manifest is read once, however many images are looked at, and a new index is seen.
func TestReferrersAreReadOnce(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	image := push(t, l, "1", "one").Digest
	report, entry := attach(t, l, image)
	if got := referrers(t, l, image); got != nil {
		t.Errorf("before: %v", got)
	}
	writeFile(t, filepath.Join(directory, indexFile), indexOf(named(image, "1", ""), entry))
	if got := referrers(t, l, image); !slices.Equal(got, []oci.Digest{report}) {
		t.Errorf("after: %v", got)
	}
	if err := os.RemoveAll(filepath.Join(directory, blobsPath)); err != nil {
		t.Fatal(err)
	}
	if got := referrers(t, l, image); !slices.Equal(got, []oci.Digest{report}) {
		t.Errorf("without files: %v", got)
	}
}

// Entries that cannot be read may be attached to the image, and are listed. What is certainly none is not.
func TestUnreadableReferrers(t *testing.T) {
	t.Parallel()
	gone := oci.DigestOf([]byte("gone"))
	directory := newLayout(t, indexOf(
		listed(gone, ""), listed("sha512:abc", ""), named(oci.DigestOf([]byte("ours")), "_manifesto", ""),
		fmt.Sprintf(`{"mediaType":"text/plain","digest":%q}`, oci.DigestOf([]byte("text"))),
	))
	l := Open(directory)
	var entries []string
	for _, content := range []string{
		`{"schemaVersion":2,"subject":5}`, `<html>`, `{"x":[` + strings.Repeat("{},", 10_000) + `{}]}`,
	} {
		digest, err := l.PutBlob(t.Context(), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, listed(digest, ""))
	}
	writeFile(t, filepath.Join(directory, indexFile),
		strings.Replace(readIndexFile(t, directory), `"manifests":[`, `"manifests":[`+strings.Join(entries, ",")+",", 1))
	found, err := l.Referrers(t.Context(), oci.DigestOf(nil))
	if err != nil || len(found) != 5 {
		t.Errorf("%v, %v; want five entries", found, err)
	}
}

// What is damaged on the disk is an error, because it would otherwise pass for absence.
func TestReferrersFail(t *testing.T) {
	t.Parallel()
	image := oci.DigestOf([]byte("image"))
	tag := oci.ReferrersTag(image)
	many := make([]string, oci.MaxReferrers+1)
	for i := range many {
		many[i] = listed(oci.Digest(fmt.Sprintf("sha512:%d", i)), "")
	}
	for name, test := range map[string]struct {
		index func(t *testing.T, directory string) string
		want  error
	}{
		"a list that is missing": {func(*testing.T, string) string {
			return indexOf(named(oci.DigestOf([]byte("gone")), tag, ""))
		}, ErrDamaged},
		"a list that is none": {func(t *testing.T, directory string) string {
			t.Helper()
			return indexOf(named(push(t, Open(directory), "", "x").Digest, tag, ""))
		}, oci.ErrBadResponse},
		"two lists": {func(*testing.T, string) string {
			return indexOf(named("sha512:1", tag, ""), named("sha512:2", tag, ""))
		}, ErrSeveralImages},
		"another content": {func(t *testing.T, directory string) string {
			t.Helper()
			digest := oci.DigestOf([]byte("x"))
			writeFile(t, filepath.Join(directory, blobsPath, digest.Encoded()), "y")
			return indexOf(listed(digest, ""))
		}, oci.ErrDigestMismatch},
		"no file": {func(t *testing.T, directory string) string {
			t.Helper()
			digest := oci.DigestOf([]byte("x"))
			if err := os.MkdirAll(filepath.Join(directory, blobsPath, digest.Encoded()), 0o755); err != nil {
				t.Fatal(err)
			}
			return indexOf(listed(digest, ""))
		}, ErrDamaged},
		"too many": {func(*testing.T, string) string { return indexOf(many...) }, oci.ErrTooManyReferrers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := newLayout(t, emptyIndex)
			writeFile(t, filepath.Join(directory, indexFile), test.index(t, directory))
			if found, err := Open(directory).Referrers(t.Context(), image); !errors.Is(err, test.want) {
				t.Errorf("%v, %v; want %v", found, err, test.want)
			}
		})
	}
}

// The descriptors of go-containerregistry's layouts have no subject: only the manifests tell.
func TestReferrersOfAForeignLayout(t *testing.T) {
	t.Parallel()
	directory, digest := foreignLayout(t)
	l := Open(directory)
	report, entry := attach(t, l, oci.Digest(digest))
	var index struct {
		SchemaVersion int               `json:"schemaVersion"`
		Manifests     []json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal([]byte(readIndexFile(t, directory)), &index); err != nil {
		t.Fatal(err)
	}
	index.Manifests = append(index.Manifests, json.RawMessage(entry))
	writeFile(t, filepath.Join(directory, indexFile), mustJSON(t, index))
	if got := referrers(t, l, oci.Digest(digest)); !slices.Equal(got, []oci.Digest{report}) {
		t.Errorf("got %v, want %s", got, report)
	}
}
