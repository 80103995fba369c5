package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"golang.org/x/sync/errgroup"
)

// artifact stores the blobs of a report about an image, and returns its manifest.
func artifact(t *testing.T, l *Layout, image oci.Digest, typ string) oci.Manifest {
	t.Helper()
	m, err := registrytest.Artifact{
		Type: typ, Layers: []string{typ}, Annotations: map[string]string{annotationName: "1"},
	}.Manifest(t.Context(), l, image)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// hasManifest reports whether a layout has a manifest.
func hasManifest(t *testing.T, l *Layout, digest oci.Digest) bool {
	t.Helper()
	_, err := l.HeadManifest(t.Context(), digest.String())
	if err != nil && !errors.Is(err, oci.ErrNotFound) {
		t.Error(err)
	}
	return err == nil
}

// What is attached is listed, and leaves the index as it was when it is detached.
func TestAttachAndDetach(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, "{\n  \"manifests\" : [ ] , \"schemaVersion\":2\n}\n")
	l := Open(directory)
	image := push(t, l, "1", "one").Digest
	before := readIndexFile(t, directory)
	one, two := artifact(t, l, image, "a/one"), artifact(t, l, image, "a/two")
	for range 2 { // The second time changes nothing.
		for _, m := range []oci.Manifest{one, two} {
			if err := l.Attach(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := referrers(t, l, image), sorted(one.Digest, two.Digest); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	entry := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"artifactType":"a/one"}`,
		oci.MediaTypeOCIManifest, one.Digest, len(one.Content))
	if index := readIndexFile(t, directory); strings.Count(index, entry) != 1 {
		t.Errorf("the index is %s", index)
	}
	if err := l.Detach(t.Context(), image, one.Digest); err != nil {
		t.Fatal(err)
	}
	if got := referrers(t, l, image); !slices.Equal(got, sorted(two.Digest)) || hasManifest(t, l, one.Digest) {
		t.Errorf("after detaching one: %v", got)
	}
	for range 2 {
		if err := l.Detach(t.Context(), image, one.Digest, two.Digest); err != nil {
			t.Fatal(err)
		}
	}
	if index := readIndexFile(t, directory); index != before || hasManifest(t, l, two.Digest) {
		t.Errorf("the index is %s, want %s", index, before)
	}
}

// What is attached does not pass for an image, although its annotations name a tag.
func TestAttachedIsNoImage(t *testing.T) {
	t.Parallel()
	l := Open(newLayout(t, emptyIndex))
	image := push(t, l, "1", "one")
	if err := l.Attach(t.Context(), artifact(t, l, image.Digest, "a/one")); err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"", "1", image.Digest.String()} {
		d, err := l.DescribeManifest(t.Context(), identifier)
		if err != nil || !reflect.DeepEqual(d, image.Descriptor()) {
			t.Errorf("%q is %+v, %v", identifier, d, err)
		}
	}
}

// Entries are taken off the list under the fallback tag, which a copy of a registry has; the last one with its tag.
func TestDetachFromTheFallbackTag(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	image := push(t, l, "1", "one").Digest
	tag := oci.ReferrersTag(image)
	var attached, lists []oci.Digest
	for _, typ := range []string{"a/one", "a/two"} {
		d, err := registrytest.Attach(t.Context(), l, image, registrytest.Artifact{Type: typ, Layers: []string{typ}})
		if err != nil {
			t.Fatal(err)
		}
		list, err := l.HeadManifest(t.Context(), tag)
		if err != nil {
			t.Fatal(err)
		}
		attached, lists = append(attached, d.Digest), append(lists, list)
	}
	if err := l.Detach(t.Context(), image, attached[0]); err != nil {
		t.Fatal(err)
	}
	if got := referrers(t, l, image); !slices.Equal(got, attached[1:]) {
		t.Errorf("got %v, want %v", got, attached[1:])
	}
	if hasManifest(t, l, attached[0]) || hasManifest(t, l, lists[1]) {
		t.Error("the manifest, or the old list, is still there")
	}
	if err := l.Detach(t.Context(), image, attached[1]); err != nil {
		t.Fatal(err)
	}
	if index := readIndexFile(t, directory); strings.Contains(index, tag) || !strings.Contains(index, image.String()) {
		t.Errorf("the index is %s", index)
	}
	if hasManifest(t, l, attached[1]) {
		t.Error("the last manifest is still there")
	}
}

// What another manifest names, or may name, stays on the disk.
func TestDetachKeepsWhatIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// another returns a descriptor of what names the manifest.
		another func(t *testing.T, l *Layout, m oci.Manifest) string
		kept    bool
	}{
		"an index": {func(t *testing.T, l *Layout, m oci.Manifest) string {
			t.Helper()
			return listed(putContent(t, l, indexOf(listed(m.Digest, ""))), "")
		}, true},
		"an index in an index": {func(t *testing.T, l *Layout, m oci.Manifest) string {
			t.Helper()
			inner := putContent(t, l, indexOf(listed(m.Digest, "")))
			return listed(putContent(t, l, indexOf(listed(inner, ""))), "")
		}, true},
		"an artifact with it as layer": {func(t *testing.T, l *Layout, m oci.Manifest) string {
			t.Helper()
			return listed(putContent(t, l, `{"schemaVersion":2,"layers":[`+listed(m.Digest, "")+`]}`), "")
		}, true},
		"what cannot be read": {func(t *testing.T, l *Layout, _ oci.Manifest) string {
			t.Helper()
			return listed(putContent(t, l, `<html>`), "")
		}, true},
		"what is missing": {func(*testing.T, *Layout, oci.Manifest) string {
			return listed(oci.DigestOf([]byte("gone")), "")
		}, false},
		"what is attached to it": {func(t *testing.T, l *Layout, m oci.Manifest) string {
			t.Helper()
			return listed(putContent(t, l, `{"schemaVersion":2,"subject":`+listed(m.Digest, "")+`}`), "")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := newLayout(t, emptyIndex)
			l := Open(directory)
			image := push(t, l, "1", "one").Digest
			m := artifact(t, l, image, "a/one")
			if err := l.Attach(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			index := readIndexFile(t, directory)
			end := strings.LastIndex(index, "]")
			writeFile(t, filepath.Join(directory, indexFile), index[:end]+","+test.another(t, l, m)+index[end:])
			if err := l.Detach(t.Context(), image, m.Digest); err != nil {
				t.Fatal(err)
			}
			if got := hasManifest(t, l, m.Digest); got != test.kept {
				t.Errorf("it is there: %t, want %t", got, test.kept)
			}
			if strings.Contains(readIndexFile(t, directory), m.Digest.String()) {
				t.Error("the index lists it")
			}
		})
	}
}

func putContent(t *testing.T, l *Layout, content string) oci.Digest {
	t.Helper()
	digest, err := l.PutBlob(t.Context(), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// What cannot be attached leaves the layout as it is. The subject may be absent.
func TestAttachFails(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	subject := fmt.Sprintf(`"subject":{"digest":%q}`, oci.DigestOf([]byte("absent")))
	for content, want := range map[string]error{
		`{"schemaVersion":2}`:                             oci.ErrNotReferrer,
		`{"schemaVersion":2,"subject":{"digest":"../x"}}`: oci.ErrNotReferrer,
		`<`: oci.ErrManifestRefused,
		`{` + subject + `,"layers":[` + listed(oci.DigestOf(nil), "") + `]}`:       oci.ErrManifestRefused,
		`{` + subject + `,"x":"` + strings.Repeat("x", oci.MaxManifestSize) + `"}`: oci.ErrTooLarge,
	} {
		if err := l.Attach(t.Context(), oci.NewManifest(oci.MediaTypeOCIManifest, []byte(content))); !errors.Is(err, want) {
			t.Errorf("%.40s: %v, want %v", content, err, want)
		}
	}
	if index := readIndexFile(t, directory); index != emptyIndex {
		t.Errorf("the index is %s", index)
	}
	if err := l.Attach(t.Context(), oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{`+subject+`}`))); err != nil {
		t.Error(err)
	}
}

// A manifest whose file cannot be removed is listed no more.
func TestDetachOfWhatStays(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("this user, or this system, removes files from read-only directories")
	}
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	image := push(t, l, "1", "one").Digest
	m := artifact(t, l, image, "a/one")
	if err := l.Attach(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	blobs := filepath.Join(directory, blobsPath)
	if err := os.Chmod(blobs, 0o555); err != nil {
		t.Fatal(err)
	}
	err := l.Detach(t.Context(), image, m.Digest)
	if chmodErr := os.Chmod(blobs, 0o755); chmodErr != nil {
		t.Fatal(chmodErr)
	}
	if !errors.Is(err, oci.ErrDeleteRefused) || !errors.Is(err, ErrAccess) {
		t.Errorf("Detach: %v", err)
	}
	if got := referrers(t, l, image); got != nil {
		t.Errorf("it is still listed: %v", got)
	}
}

// Removing entries leaves the text around them alone.
func TestIndexWithout(t *testing.T) {
	t.Parallel()
	entries := []string{listed("sha256:0", ""), listed("sha256:1", ""), listed("sha256:2", ""), listed("sha256:3", "")}
	text := `{"manifests": [ ` + strings.Join(entries, " ,\n ") + ` ] }`
	ix, err := parseIndex([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for mask := range 1 << len(entries) {
		var kept []oci.Digest
		for i := range entries {
			if mask>>i&1 == 0 {
				kept = append(kept, ix.entries[i].Digest)
			}
		}
		edited := ix.without(func(i int) bool { return mask>>i&1 == 1 })
		after, err := parseIndex(edited)
		if err != nil {
			t.Fatalf("%b: %s: %v", mask, edited, err)
		}
		var got []oci.Digest
		for _, e := range after.entries {
			got = append(got, e.Digest)
		}
		if !slices.Equal(got, kept) {
			t.Errorf("%b: %s", mask, edited)
		}
		if mask == 0 && string(edited) != text {
			t.Errorf("without change: %s", edited)
		}
	}
}

// attachArtifacts attaches artifacts to one image in parallel, and detaches every other one again.
func attachArtifacts(ctx context.Context, directory string, writer int) error {
	l := Open(directory)
	group, ctx := errgroup.WithContext(ctx)
	for piece := range pieces {
		group.Go(func() error {
			m := attachment(writer, piece)
			if err := l.Attach(ctx, m); err != nil || piece%2 == 0 {
				return err
			}
			return l.Detach(ctx, described, m.Digest)
		})
	}
	return group.Wait()
}

// attachment returns the manifest of an artifact without blobs.
func attachment(writer, piece int) oci.Manifest {
	return oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil,
		`{"schemaVersion":2,"artifactType":"a/%d.%d","layers":[],"subject":{"digest":%q}}`, writer, piece, described))
}

func TestProcessesLoseNoArtifact(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	inProcesses(t, directory, "artifacts")
	var want []oci.Digest
	l := Open(directory)
	for writer := range processes {
		for piece := range pieces {
			digest := attachment(writer, piece).Digest
			if piece%2 == 0 {
				want = append(want, digest)
			}
			if hasManifest(t, l, digest) != (piece%2 == 0) {
				t.Errorf("the manifest %d of %d is wrongly there, or is not", piece, writer)
			}
		}
	}
	if got := referrers(t, l, described); !slices.Equal(got, sorted(want...)) {
		t.Errorf("%d artifacts, want %d", len(got), len(want))
	}
}

// Only what has the context of the work is part of it. Anything else waits, on the same Layout too.
func TestAttachDuringExclusiveWork(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	ended := errors.New("given up")
	err := l.Exclusively(t.Context(), func(ctx context.Context) error {
		outside, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Millisecond, func() { cancel(ended) })
		if err := l.Attach(outside, attachment(0, 0)); !errors.Is(err, ended) {
			t.Errorf("outside: %v", err)
		}
		return errors.Join(l.Attach(ctx, attachment(0, 1)), l.Attach(ctx, attachment(0, 2)),
			l.Detach(ctx, described, attachment(0, 1).Digest))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := referrers(t, l, described); !slices.Equal(got, sorted(attachment(0, 2).Digest)) {
		t.Errorf("got %v", got)
	}
}
