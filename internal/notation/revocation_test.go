package notation_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// revocationServer has a list of revoked certificates.
type revocationServer struct {
	url   string
	asked atomic.Int64
	list  atomic.Pointer[[]byte]
	// hang makes it answer only when the client has gone.
	hang atomic.Bool
}

func newRevocationServer(t *testing.T) *revocationServer {
	t.Helper()
	s := &revocationServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		list := s.list.Load()
		switch {
		case s.hang.Load():
			<-r.Context().Done()
		case list == nil:
			http.NotFound(w, r)
		default:
			_, _ = w.Write(*list)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/list.crl"
	return s
}

func (s *revocationServer) verifier(t *testing.T, w world, edit func(*notation.VerifierOptions)) verifier {
	t.Helper()
	options := notation.VerifierOptions{
		Certificates: w.authority.RootPEM(), Identities: []string{"*"}, CheckRevocation: true,
	}
	if edit != nil {
		edit(&options)
	}
	made, err := notation.NewVerifier(options)
	if err != nil {
		t.Fatal(err)
	}
	return verifier{t: t, world: w, verify: func(ctx context.Context) error {
		verdict, err := made.Verify(ctx, w.store, w.target)
		if err != nil {
			return err
		}
		return verdict.Err("x")
	}}
}

type verifier struct {
	world
	t      *testing.T
	verify func(ctx context.Context) error
}

// want verifies, and checks the error. Empty means none.
func (v verifier) want(text string) {
	v.t.Helper()
	err := v.verify(v.t.Context())
	if text == "" && err != nil || text != "" && !strings.Contains(errorText(err), text) {
		v.t.Errorf("%v, want %q", err, text)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(s *revocationServer, w world)
		edit    func(*notation.VerifierOptions)
		want    string
		asked   int64
	}{
		"off": {edit: func(o *notation.VerifierOptions) { o.CheckRevocation = false }},
		"not revoked": {
			prepare: func(s *revocationServer, w world) {
				list := w.authority.RevocationList(t)
				s.list.Store(&list)
			},
			asked: 1,
		},
		"revoked": {
			prepare: func(s *revocationServer, w world) {
				list := w.authority.RevocationList(t, w.identity.Chain[0])
				s.list.Store(&list)
			},
			want: "is revoked", asked: 1,
		},
		"unknown":             {want: "revocation status is unknown", asked: 1},
		"unknown, permissive": {edit: permissive, want: "revocation status is unknown", asked: 1},
		"hangs": {
			prepare: func(s *revocationServer, _ world) { s.hang.Store(true) },
			edit: func(o *notation.VerifierOptions) {
				o.Client = &http.Client{Timeout: 200 * time.Millisecond}
			},
			want: "revocation status is unknown", asked: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w := newRevocationServer(t), newWorld(t)
			w.identity = w.authority.Issue(t, "signer", notationtest.WithRevocationList(s.url))
			w.sign(t)
			if test.prepare != nil {
				test.prepare(s, w)
			}
			v := s.verifier(t, w, test.edit)
			var group sync.WaitGroup
			for range 3 { // It asks once for all.
				group.Go(func() { v.want(test.want) })
			}
			group.Wait()
			if asked := s.asked.Load(); asked != test.asked {
				t.Errorf("asked %d times, want %d", asked, test.asked)
			}
		})
	}
}

func permissive(o *notation.VerifierOptions) { o.Permissive = true }

// TestRevocationOfStranger checks that the certificate of somebody who is not trusted makes nobody call its URL.
func TestRevocationOfStranger(t *testing.T) {
	t.Parallel()
	s, w := newRevocationServer(t), newWorld(t)
	foreign := notationtest.NewAuthority(t, "theirs").Issue(t, "mallory", notationtest.WithRevocationList(s.url))
	made := notationtest.Request{}.Sign(t, foreign, w.target)
	made.Thumbprints = notationtest.Thumbprints(w.identity)
	w.store.Attach(t, made, w.target)
	s.verifier(t, w, nil).want("none of its certificates is in trusted_certificates")
	if s.asked.Load() != 0 {
		t.Error("asked the URL of a stranger")
	}
}

// TestRevocationCancelled checks that a cancelled verification says so, and is not remembered as an answer.
func TestRevocationCancelled(t *testing.T) {
	t.Parallel()
	s, w := newRevocationServer(t), newWorld(t)
	w.identity = w.authority.Issue(t, "signer", notationtest.WithRevocationList(s.url))
	w.sign(t)
	v := s.verifier(t, w, nil)
	s.hang.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := v.verify(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
	s.hang.Store(false)
	list := w.authority.RevocationList(t)
	s.list.Store(&list)
	v.want("")
}
