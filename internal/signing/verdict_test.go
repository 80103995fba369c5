package signing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func found(signer, reason string) signing.Found {
	return signing.Found{
		Claims: signing.Claims{Signer: signer, SignedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Digest: oci.DigestOf([]byte(signer)), Reason: errors.New(reason),
	}
}

func TestVerdictErr(t *testing.T) {
	t.Parallel()
	many := make([]signing.Found, 12)
	for i := range many {
		many[i] = found("CN=mallory", "not trusted")
	}
	good := found("CN=alice", "")
	for name, test := range map[string]struct {
		verdict signing.Verdict
		is      error
		want    []string
		lines   int
	}{
		"good":     {verdict: signing.Verdict{Good: &good, Refused: many}},
		"unsigned": {verdict: signing.Verdict{}, is: signing.ErrUnsigned, want: []string{"the approval: not signed"}},
		"one": {
			verdict: signing.Verdict{Refused: []signing.Found{found("CN=bob", "it has expired")}},
			is:      signing.ErrUntrusted, want: []string{`by "CN=bob", made at 2026-01-02T03:04:05Z: it has expired`},
		},
		"nameless": {
			verdict: signing.Verdict{Refused: []signing.Found{{Digest: "x", Reason: errors.New("malformed")}}},
			is:      signing.ErrUntrusted, want: []string{"no signature to trust: signature x: malformed"},
		},
		"many": {
			verdict: signing.Verdict{Refused: many, Unseen: 3}, is: signing.ErrUntrusted, lines: 12,
			want: []string{"among 15:", "- and 2 more", "- 3 more were not looked at"},
		},
		"unseen alone": {
			verdict: signing.Verdict{Unseen: 1}, is: signing.ErrUntrusted, lines: 1, want: []string{"- 1 more were not"},
		},
		"hostile": {
			verdict: signing.Verdict{Refused: []signing.Found{found("\x1b[31m\n"+strings.Repeat("x", 5000), "a\nb")}},
			is:      signing.ErrUntrusted, want: []string{`by "?[31m x`, "...", "a b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.verdict.Err("the approval")
			if !errors.Is(err, test.is) {
				t.Fatalf("%v, want %v", err, test.is)
			}
			if err == nil {
				return
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n"); lines != test.lines || len(err.Error()) > 4000 {
				t.Errorf("%d lines, %d bytes", lines, len(err.Error()))
			}
		})
	}
}
