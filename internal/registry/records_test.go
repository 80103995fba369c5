package registry

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// records is a slog.Handler that keeps each record as text: level, message, and attributes as key=value.
type records struct {
	mu    *sync.Mutex
	lines *[]string
	with  string
}

func newRecords() *records { return &records{mu: &sync.Mutex{}, lines: &[]string{}} }

// Enabled implements slog.Handler.
func (r *records) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (r *records) Handle(_ context.Context, record slog.Record) error {
	line := []string{record.Level.String(), record.Message + r.with}
	record.Attrs(func(a slog.Attr) bool {
		line = append(line, a.String())
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	*r.lines = append(*r.lines, strings.Join(line, " "))
	return nil
}

// WithAttrs implements slog.Handler.
func (r *records) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := []string{r.with}
	for _, a := range attrs {
		with = append(with, a.String())
	}
	return &records{mu: r.mu, lines: r.lines, with: strings.Join(with, " ")}
}

// WithGroup implements slog.Handler.
func (r *records) WithGroup(string) slog.Handler { return r }

// has fails the test unless one record has all the words.
func (r *records) has(t *testing.T, words ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range *r.lines {
		found := true
		for _, word := range words {
			found = found && strings.Contains(line+" ", word+" ")
		}
		if found {
			return
		}
	}
	t.Errorf("no record has %q:\n%s", words, strings.Join(*r.lines, "\n"))
}

// hasNo fails the test if any record has a secret.
func (r *records) hasNo(t *testing.T, secrets ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range *r.lines {
		for _, secret := range secrets {
			if strings.Contains(line, secret) || strings.Contains(line, url.QueryEscape(secret)) {
				t.Errorf("the secret %q is in the record %s", secret, line)
			}
		}
	}
}
