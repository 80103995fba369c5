package credentials

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A helper runs once for a registry, even for parallel finds.
func TestHelperRunsOnce(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	helper(t, "count", fmt.Sprintf(`read server
		echo "$server" >> %q
		sleep 0.1
		echo '{"Username":"u","Secret":"s"}'`, calls))
	h := &Helpers{}
	var group sync.WaitGroup
	for range 10 {
		for _, server := range []string{"one", "two"} {
			group.Go(func() {
				if c, err := h.get(context.Background(), "count", server); err != nil || c.Username != "u" {
					t.Errorf("%s: %s, %v", server, c, err)
				}
			})
		}
	}
	group.Wait()
	text, err := os.ReadFile(calls)
	if err != nil || strings.Count(string(text), "\n") != 2 {
		t.Errorf("calls: %q, %v", text, err)
	}
}

// A helper that hangs ends at its limit, with the programs that it started, and holds up no other registry.
func TestHangingHelper(t *testing.T) {
	helper(t, "hang", `sleep 60 & sleep 60`)
	helper(t, "quick", `echo '{"Username":"u","Secret":"s"}'`)
	h := &Helpers{Timeout: 3 * time.Second} // Long enough for the quick helper on a busy machine.
	began := time.Now()
	hung := make(chan error, 1)
	go func() {
		_, err := h.get(context.Background(), "hang", "one")
		hung <- err
	}()
	if c, err := h.get(context.Background(), "quick", "two"); err != nil || c.IsAnonymous() {
		t.Errorf("another registry's helper: %s, %v", c, err)
	}
	err := <-hung
	took := time.Since(began)
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, errHelperTimeout) || took > 20*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.get(ctx, "hang", "three"); !errors.Is(err, context.Canceled) {
		t.Errorf("for a caller that gives up: %v", err)
	}
}

// The error of a failing helper does not quote its output, which may hold a secret.
func TestFailingHelpers(t *testing.T) {
	helper(t, "fails", `echo "no: secret"; echo "secret" >&2; exit 1`)
	helper(t, "babbles", `echo secret`)
	helper(t, "floods", `head -c 3000000 /dev/zero`)
	for _, name := range []string{"fails", "babbles", "floods", "is-not-there", "../bin/sh"} {
		_, err := (&Helpers{}).get(context.Background(), name, "registry.example.com")
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
