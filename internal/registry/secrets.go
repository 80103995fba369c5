package registry

import (
	"context"
	"encoding/base64"
	"html"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Bounds of the secrets that are remembered for one registry.
const (
	// minSecret is the length of the shortest secret that is hidden, in bytes. Hiding shorter ones would garble words.
	minSecret = 4
	// maxSecrets bounds their number: every renewal of a login brings another token.
	maxSecrets = 1000
)

// hidden stands in the place of a secret.
const hidden = "***"

// secrets are the passwords and tokens of this process for one registry. The zero value has none. It is safe for
// concurrent use.
type secrets struct {
	mu    sync.Mutex
	known []string
}

// add remembers secrets. It drops the oldest ones beyond maxSecrets.
func (s *secrets) add(added ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range added {
		if len(secret) >= minSecret && !slices.Contains(s.known, secret) {
			s.known = append(s.known, secret)
		}
	}
	if more := len(s.known) - maxSecrets; more > 0 {
		s.known = slices.Delete(s.known, 0, more)
	}
}

// all returns the secrets in every spelling in which a server, a URL or an error may repeat them, longest first.
func (s *secrets) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, secret := range s.known {
		quoted := strconv.Quote(secret)
		for _, spelling := range []string{
			secret, strings.ToLower(secret), quoted[1 : len(quoted)-1], html.EscapeString(secret),
			url.QueryEscape(secret), url.PathEscape(secret), (&url.URL{Path: secret}).EscapedPath(),
			base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			strings.Join(strings.Fields(oci.Printable(secret)), " "),
		} {
			if len(spelling) >= minSecret {
				all = append(all, spelling)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(all)
}

// hideIn replaces secrets in a text.
func hideIn(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// hideCut replaces secrets in a text. Unless the text is whole, its end may begin a secret and is dropped.
func hideCut(text string, secrets []string, whole bool) string {
	text = hideIn(text, secrets)
	if !whole && len(secrets) > 0 {
		text = text[:max(0, len(text)-len(secrets[0]))]
	}
	return text
}

// maxText is the length of the longest error that leaves this package, in bytes.
const maxText = 4 << 10

// cleanError is an error whose text has no secrets and prints as one line.
type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }

func (e *cleanError) Unwrap() error { return e.err }

// clean removes what a server may have put into the text of an error: secrets that it repeats, and characters that do
// not print. Every exported method of Repository ends with it.
func (h *host) clean(err *error) {
	if *err == nil {
		return
	}
	text := (*err).Error()
	if cleaned := cleanText(text, h.secrets.all()); cleaned != text {
		*err = &cleanError{cleaned, *err}
	}
}

func cleanText(text string, secrets []string) string {
	text = hideIn(oci.Printable(hideIn(text, secrets)), secrets)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// cleanHandler is a slog.Handler that cleans the texts of records as host.clean cleans errors.
type cleanHandler struct {
	inner   slog.Handler
	secrets *secrets
}

// Enabled implements slog.Handler.
func (c cleanHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return c.inner.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (c cleanHandler) Handle(ctx context.Context, record slog.Record) error {
	secrets := c.secrets.all()
	cleaned := slog.NewRecord(record.Time, record.Level, cleanText(record.Message, secrets), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(cleanText(a.Value.String(), secrets))
		}
		cleaned.AddAttrs(a)
		return true
	})
	return c.inner.Handle(ctx, cleaned)
}

// WithAttrs implements slog.Handler.
func (c cleanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return cleanHandler{c.inner.WithAttrs(attrs), c.secrets}
}

// WithGroup implements slog.Handler.
func (c cleanHandler) WithGroup(name string) slog.Handler {
	return cleanHandler{c.inner.WithGroup(name), c.secrets}
}
