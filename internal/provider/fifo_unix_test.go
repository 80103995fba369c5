//go:build unix

package provider

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A named pipe as source is an error. Opening it would wait for a writer.
func TestPlanPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	planTest{
		config: []change{source(pipe)}, requests: 1, problems: []string{"error at source: File cannot be read"},
	}.run(t)
}
