package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

const emptyIndex = `{"schemaVersion":2,"manifests":[]}`

// newLayout makes a layout with the given index.json and returns its directory.
func newLayout(t *testing.T, index string) string {
	t.Helper()
	directory := t.TempDir()
	writeFile(t, filepath.Join(directory, versionFile), `{"imageLayoutVersion":"1.0.0"}`)
	writeFile(t, filepath.Join(directory, indexFile), index)
	return directory
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readIndexFile(t *testing.T, directory string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(directory, indexFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pushBlobs stores the config and the layer of an image that differs by its seed, and returns its manifest.
func pushBlobs(ctx context.Context, l *Layout, seed string) (oci.Manifest, error) {
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	layer := []byte("layer " + seed)
	for _, blob := range [][]byte{config, layer} {
		if _, err := l.PutBlob(ctx, blob); err != nil {
			return oci.Manifest{}, err
		}
	}
	content := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,`+
		`"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		oci.MediaTypeOCIManifest, oci.MediaTypeOCIConfig, oci.DigestOf(config), len(config),
		oci.MediaTypeOCILayerGzip, oci.DigestOf(layer), len(layer))
	return oci.NewManifest(oci.MediaTypeOCIManifest, content), nil
}

// push stores an image under a tag or, for an empty tag, by its digest.
func push(t *testing.T, l *Layout, tag, seed string) oci.Manifest {
	t.Helper()
	m, err := pushBlobs(t.Context(), l, seed)
	if err != nil {
		t.Fatal(err)
	}
	identifier := tag
	if identifier == "" {
		identifier = m.Digest.String()
	}
	if err := l.PutManifest(t.Context(), identifier, m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return m
}

// every runs each operation on a layout and returns the errors by the operation's name.
func every(ctx context.Context, l *Layout) map[string]error {
	digest := oci.DigestOf([]byte("x"))
	_, head := l.HeadManifest(ctx, "tag")
	_, get := l.GetManifest(ctx, "tag")
	_, headBlob := l.HeadBlob(ctx, digest)
	_, getBlob := l.GetBlob(ctx, digest, 1)
	_, putBlob := l.PutBlob(ctx, []byte("x"))
	put := l.PutManifest(ctx, "tag", oci.NewManifest(oci.MediaTypeOCIIndex, []byte(emptyIndex)), time.Time{})
	_, _, exists := l.ListTags(ctx, "_manifesto")
	_, attached := l.Referrers(ctx, digest)
	_, described := l.DescribeManifest(ctx, "tag")
	artifact := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"subject":{"digest":%q}}`, oci.MediaTypeOCIManifest, digest)
	attach := l.Attach(ctx, oci.NewManifest(oci.MediaTypeOCIManifest, []byte(artifact)))
	detach := l.Detach(ctx, digest, oci.DigestOf([]byte("y")))
	return map[string]error{
		"HeadManifest": head, "GetManifest": get, "HeadBlob": headBlob, "GetBlob": getBlob, "PutBlob": putBlob,
		"PutManifest": put, "ListTags": exists, "Referrers": attached,
		"DescribeManifest": described, "Attach": attach, "Detach": detach,
	}
}

// A directory that is no layout is an error for each operation, and none of them makes it a layout.
func TestNoLayout(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	file := filepath.Join(parent, "bundle.tar")
	writeFile(t, file, "tar")
	having := func(name, content string) func(string) {
		return func(directory string) { writeFile(t, filepath.Join(directory, name), content) }
	}
	tests := map[string]struct {
		prepare func(directory string)
		open    string
		want    string
	}{
		"no directory":    {nil, filepath.Join(parent, "none"), "there is no directory"},
		"a file":          {nil, file, "not a directory"},
		"empty directory": {func(string) {}, filepath.Join(parent, "empty"), "no file oci-layout"},
		"no version":      {having(versionFile, `{}`), filepath.Join(parent, "a"), `version ""`},
		"newer version": {
			having(versionFile, `{"imageLayoutVersion":"2.0.0"}`), filepath.Join(parent, "b"), `version "2.0.0"`,
		},
		"malformed":        {having(versionFile, `1.0.0`), filepath.Join(parent, "c"), "oci-layout"},
		"a docker archive": {having("manifest.json", `[]`), filepath.Join(parent, "d"), "no file oci-layout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.prepare != nil {
				if err := os.MkdirAll(test.open, 0o755); err != nil {
					t.Fatal(err)
				}
				test.prepare(test.open)
			}
			before := files(t, parent)
			for operation, err := range every(t.Context(), Open(test.open)) {
				if !errors.Is(err, ErrNoLayout) || errors.Is(err, oci.ErrNotFound) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v; want ErrNoLayout with %q", operation, err, test.want)
				}
			}
			if after := files(t, parent); after != before {
				t.Errorf("there was %s and is %s", before, after)
			}
		})
	}
}

func files(t *testing.T, directory string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(directory, func(name string, _ os.DirEntry, err error) error {
		names = append(names, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// An unreadable index is ErrDamaged for each operation that needs it, and no operation replaces it.
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"empty":              ``,
		"not JSON":           `manifests`,
		"cut off":            `{"schemaVersion":2,"manifests":[{"digest":"sha256:`,
		"cut off after all":  `{"schemaVersion":2,"manifests":[]`,
		"a list":             `[]`,
		"null":               `null`,
		"no manifests":       `{"schemaVersion":2}`,
		"manifests a number": `{"manifests":7}`,
		"manifests twice":    `{"manifests":[],"manifests":[]}`,
		"descriptor a text":  `{"manifests":["x"]}`,
		"descriptor null":    `{"manifests":[null]}`,
		"no digest":          `{"manifests":[{"size":1}]}`,
		"digest a number":    `{"manifests":[{"digest":1}]}`,
		"annotations a list": `{"manifests":[{"digest":"sha256:x","annotations":[]}]}`,
		"two documents":      `{"manifests":[]} {"manifests":[]}`,
		"deep":               `{"x":` + strings.Repeat(`[`, 20000) + `}`,
	}
	for name, index := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := newLayout(t, index)
			errs := every(t.Context(), Open(directory))
			for _, operation := range []string{"HeadManifest", "GetManifest", "PutManifest"} {
				err := errs[operation]
				if !errors.Is(err, ErrDamaged) || errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrAmbiguous) {
					t.Errorf("%s: %v; want ErrDamaged", operation, err)
				}
			}
			if got := readIndexFile(t, directory); got != index {
				t.Errorf("the index is now %s", got)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		directory := newLayout(t, emptyIndex)
		if err := os.Remove(filepath.Join(directory, indexFile)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(directory).GetManifest(t.Context(), "tag")
		if !errors.Is(err, ErrDamaged) || errors.Is(err, oci.ErrNotFound) {
			t.Errorf("%v; want ErrDamaged", err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		l := Open(newLayout(t, `{"manifests":[],"x":"`+strings.Repeat("x", maxIndex)+`"}`))
		if _, err := l.GetManifest(t.Context(), "tag"); !errors.Is(err, oci.ErrTooLarge) {
			t.Errorf("%v; want ErrTooLarge", err)
		}
	})
	t.Run("a directory", func(t *testing.T) {
		t.Parallel()
		directory := newLayout(t, emptyIndex)
		if err := os.Remove(filepath.Join(directory, indexFile)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(directory, indexFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(directory).GetManifest(t.Context(), "tag"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v; want ErrDamaged", err)
		}
	})
}

// No operation follows a link out of the directory, neither to read nor to write.
func TestLinksDoNotLeadOut(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("creating links needs a privilege on Windows")
	}
	content := []byte("secret")
	digest := oci.DigestOf(content)
	_, digits, _ := strings.Cut(digest.String(), ":")
	tests := map[string]struct {
		link, target string
		try          func(*Layout) error
	}{
		"blob": {blobsPath + "/" + digits, "secret", func(l *Layout) error {
			_, err := l.GetBlob(context.Background(), digest, 100)
			return err
		}},
		"size of a blob": {blobsPath + "/" + digits, "secret", func(l *Layout) error {
			_, err := l.HeadBlob(context.Background(), digest)
			return err
		}},
		"directory to write to": {"blobs", "elsewhere", func(l *Layout) error {
			_, err := l.PutBlob(context.Background(), []byte("new"))
			return err
		}},
		"index": {indexFile, "index", func(l *Layout) error {
			_, err := l.GetManifest(context.Background(), "tag")
			return err
		}},
		"version": {versionFile, "version", func(l *Layout) error {
			_, _, err := l.ListTags(context.Background(), "_manifesto")
			return err
		}},
		"lock": {lockFile, "lock", func(l *Layout) error {
			m := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(`{"schemaVersion":2,"manifests":[]}`))
			return l.PutManifest(context.Background(), "tag", m, time.Time{})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory, outside := newLayout(t, emptyIndex), t.TempDir()
			writeFile(t, filepath.Join(outside, "secret"), string(content))
			writeFile(t, filepath.Join(outside, "index"), emptyIndex)
			writeFile(t, filepath.Join(outside, "version"), `{"imageLayoutVersion":"1.0.0"}`)
			writeFile(t, filepath.Join(outside, "elsewhere", "sha256", "x"), "")
			link := filepath.Join(directory, test.link)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(outside, test.target), link); err != nil {
				t.Fatal(err)
			}
			before := files(t, outside)
			if err := test.try(Open(directory)); !errors.Is(err, ErrAccess) || errors.Is(err, oci.ErrNotFound) {
				t.Errorf("%v; want ErrAccess", err)
			}
			if after := files(t, outside); after != before {
				t.Errorf("outside there was %s and is %s", before, after)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for operation, err := range every(ctx, Open(directory)) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v; want context.Canceled", operation, err)
		}
	}
}

// A caller that gives up waiting for the lock knows that nothing has changed.
func TestWaitingForTheLockEnds(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	lock := flock.New(filepath.Join(directory, lockFile))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	l := Open(directory)
	m, err := pushBlobs(t.Context(), l, "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = l.PutManifest(ctx, "tag", m, time.Time{})
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("%v; want DeadlineExceeded", err)
	}
	if got := readIndexFile(t, directory); got != emptyIndex {
		t.Errorf("the index is %s", got)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := l.PutManifest(t.Context(), "tag", m, time.Time{}); err != nil {
		t.Error(err)
	}
}

// A failure to rename the index leaves the outcome open. A failure before that does not.
func TestAmbiguous(t *testing.T) {
	t.Parallel()
	d, err := Open(newLayout(t, emptyIndex)).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.done()
	if err := d.Remove(indexFile); err != nil {
		t.Fatal(err)
	}
	if err := d.replaceIndex([]byte(emptyIndex)); err == nil || errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("before the rename: %v; want another error than ErrAmbiguous", err)
	}
	if err := d.publishIndex("none.tmp"); !errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("at the rename: %v; want ErrAmbiguous", err)
	}
}

// Files that a crash leaves behind do not disturb later operations.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	l := Open(directory)
	m := push(t, l, "1", "x")
	for _, name := range []string{".manifesto-OLD.tmp", blobsPath + "/.manifesto-OLD.tmp", lockFile} {
		writeFile(t, filepath.Join(directory, name), `{"manifests":[`)
	}
	if got, err := l.HeadManifest(t.Context(), ""); err != nil || got != m.Digest {
		t.Errorf("the only image is %s, %v", got, err)
	}
	again := push(t, l, "1", "y")
	if got, err := l.HeadManifest(t.Context(), "1"); err != nil || got != again.Digest {
		t.Errorf("the tag is on %s, %v", got, err)
	}
	for _, left := range []string{directory, filepath.Join(directory, blobsPath)} {
		names, err := filepath.Glob(filepath.Join(left, ".manifesto-*"))
		if err != nil || len(names) != 1 {
			t.Errorf("temporary files: %v, %v; want only the old one", names, err)
		}
	}
}

// The index keeps its permissions, and everyone may read blobs.
func TestPermissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other permissions")
	}
	directory := newLayout(t, emptyIndex)
	if err := os.Chmod(filepath.Join(directory, indexFile), 0o600); err != nil {
		t.Fatal(err)
	}
	m := push(t, Open(directory), "1", "x")
	_, digits, _ := strings.Cut(m.Digest.String(), ":")
	for name, want := range map[string]os.FileMode{indexFile: 0o600, blobsPath + "/" + digits: 0o644} {
		info, err := os.Stat(filepath.Join(directory, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

// mustJSON returns a value as JSON.
func mustJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
