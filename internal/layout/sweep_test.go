package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Temporary files that are older than a day are removed with the next change of the index. All other files stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	push(t, Open(directory), "1", "x")
	old, stays := time.Now().Add(-25*time.Hour), map[string]bool{}
	for _, parent := range []string{"", blobsPath} {
		for name, keep := range map[string]bool{
			".manifesto-OLD.tmp": false, ".manifesto-OLD": true, "manifesto-OLD.tmp": true, ".manifesto-NEW.tmp": true,
		} {
			file := filepath.Join(directory, parent, name)
			writeFile(t, file, "x")
			stays[file] = keep
			if !strings.Contains(name, "NEW") {
				if err := os.Chtimes(file, old, old); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	push(t, Open(directory), "2", "y")
	for file, keep := range stays {
		if _, err := os.Stat(file); (err == nil) != keep {
			t.Errorf("%s: %v; it stays: %t", file, err, keep)
		}
	}
}

// The names in an index are foreign text.
func TestNamesArePrintable(t *testing.T) {
	t.Parallel()
	bad := "1\u001b[2J\u202e\n" + strings.Repeat("x", 1000)
	index := indexOf(named(oci.DigestOf([]byte("1")), bad, ""), named(oci.DigestOf([]byte("2")), "2", ""))
	_, err := Open(newLayout(t, index)).GetManifest(t.Context(), "")
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\n\u202e") || len(err.Error()) > 800 {
		t.Errorf("the error is %q", err)
	}
}
