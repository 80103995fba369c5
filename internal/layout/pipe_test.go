//go:build !windows

package layout

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Pipes and devices in the place of a layout or of its files are errors. No operation waits for them.
func TestPipes(t *testing.T) {
	t.Parallel()
	digest := oci.DigestOf([]byte("x"))
	_, digits, _ := strings.Cut(digest.String(), ":")
	tests := map[string]struct {
		name string // Empty for the layout itself.
		want error
		try  func(*Layout) error
	}{
		"layout": {"", ErrNoLayout, func(l *Layout) error {
			_, _, err := l.ListTags(context.Background(), "_manifesto")
			return err
		}},
		"version": {versionFile, ErrDamaged, func(l *Layout) error {
			_, _, err := l.ListTags(context.Background(), "_manifesto")
			return err
		}},
		"index": {indexFile, ErrDamaged, func(l *Layout) error {
			_, err := l.GetManifest(context.Background(), "tag")
			return err
		}},
		"blob": {blobsPath + "/" + digits, ErrDamaged, func(l *Layout) error {
			_, err := l.GetBlob(context.Background(), digest, 100)
			return err
		}},
		"lock": {lockFile, ErrDamaged, func(l *Layout) error {
			m := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(`{"schemaVersion":2,"manifests":[]}`))
			return l.PutManifest(context.Background(), "tag", m, time.Time{})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := newLayout(t, emptyIndex)
			file := filepath.Join(directory, filepath.FromSlash(test.name))
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(file, 0o644); err != nil {
				t.Skipf("no pipes here: %v", err)
			}
			ended := make(chan error, 1)
			go func() { ended <- test.try(Open(directory)) }()
			select {
			case err := <-ended:
				if !errors.Is(err, test.want) {
					t.Errorf("%v; want %v", err, test.want)
				}
			case <-time.After(10 * time.Second):
				t.Error("it waits")
			}
			if _, err := OpenRegular(file); !errors.Is(err, ErrNotRegular) {
				t.Errorf("OpenRegular: %v", err)
			}
		})
	}
}
