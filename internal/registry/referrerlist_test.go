package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// referred is the subject of these tests.
var referred = oci.DigestOf([]byte("image"))

// attachment returns the manifest of an artifact without blobs.
func attachment(typ string) oci.Manifest {
	return oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil,
		`{"schemaVersion":2,"artifactType":%q,"layers":[],"subject":{"digest":%q}}`, typ, referred))
}

// withoutAPI returns a registry without an API for referrers. The hook sees the requests for the list first, and
// returns true if it has answered.
func withoutAPI(hook func(w http.ResponseWriter, r *http.Request, next http.Handler) bool) http.HandlerFunc {
	backend := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, oci.ReferrersTag(referred)) || !hook(w, r, backend) {
			backend.ServeHTTP(w, r)
		}
	}
}

// attachedTo returns the sorted digests of what is attached.
func attachedTo(t *testing.T, r *Repository) []oci.Digest {
	t.Helper()
	listed, err := r.Referrers(t.Context(), referred)
	if err != nil {
		t.Error(err)
	}
	var digests []oci.Digest
	for _, entry := range listed {
		digests = append(digests, entry.Digest)
	}
	slices.Sort(digests)
	return digests
}

func sorted(manifests ...oci.Manifest) []oci.Digest {
	var digests []oci.Digest
	for _, m := range manifests {
		digests = append(digests, m.Digest)
	}
	slices.Sort(digests)
	return digests
}

// A rival puts its list between the read and the PUT of another, whose PUT undoes it. The rival looks after the time
// that such a PUT may take, and adds its entry again.
func TestRivalsBothStayOnTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rival *Repository
		rivalPut, done := make(chan struct{}), make(chan error, 1)
		began := false
		handler := withoutAPI(func(w http.ResponseWriter, in *http.Request, next http.Handler) bool {
			switch {
			case in.Method != http.MethodPut:
				return false
			case in.UserAgent() == "rival":
				next.ServeHTTP(w, in)
				if rivalPut != nil {
					close(rivalPut)
				}
				return true
			case !began:
				began = true
				go func() { done <- rival.Attach(t.Context(), attachment("a/rival")) }()
				<-rivalPut
				rivalPut = nil
			}
			return false
		})
		r := openInMemory(t, Options{}, handler)
		rival = openInMemory(t, Options{UserAgent: "rival"}, handler)
		if err := r.Attach(t.Context(), attachment("a/one")); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := attachedTo(t, r), sorted(attachment("a/one"), attachment("a/rival")); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// An operation that another program undoes each time gives up.
func TestContestedListIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		puts := 0
		handler := withoutAPI(func(w http.ResponseWriter, in *http.Request, _ http.Handler) bool {
			if in.Method == http.MethodPut { // Another list replaces it at once.
				puts++
				w.WriteHeader(http.StatusCreated)
			}
			return in.Method == http.MethodPut
		})
		r := openInMemory(t, Options{}, handler)
		err := r.Attach(t.Context(), attachment("a/one"))
		if !errors.Is(err, errContested) || puts != maxListEdits {
			t.Errorf("%v after %d puts", err, puts)
		}
	})
}

// A PUT whose outcome is unknown is followed by a look, and not sent again if the list has the entry.
func TestLostAnswerOfAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		puts := 0
		handler := withoutAPI(func(w http.ResponseWriter, in *http.Request, next http.Handler) bool {
			if in.Method != http.MethodPut {
				return false
			}
			puts++
			next.ServeHTTP(unheard{}, in)
			w.WriteHeader(http.StatusBadGateway)
			return true
		})
		r := openInMemory(t, Options{}, handler)
		if err := r.Attach(t.Context(), attachment("a/one")); err != nil || puts != 1 {
			t.Errorf("%v after %d puts", err, puts)
		}
	})
}

// unheard is an answer that nobody gets.
type unheard struct{}

func (unheard) Header() http.Header            { return http.Header{} }
func (unheard) Write(text []byte) (int, error) { return len(text), nil }
func (unheard) WriteHeader(int)                {}

// Whoever waits for the list stops waiting when its context ends, and a writer whose context ends does not fail the
// edits of the others.
func TestEditsOutliveTheirWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Bool
		handler := withoutAPI(func(_ http.ResponseWriter, in *http.Request, _ http.Handler) bool {
			if in.Method == http.MethodGet && asked.CompareAndSwap(false, true) { // The first request gets no answer.
				<-in.Context().Done()
			}
			return false
		})
		r := openInMemory(t, Options{}, handler)
		r.host.foundReferrersAPI("app", false)
		ended := errors.New("the user pressed Ctrl-C")
		writerCtx, stopWriter := context.WithCancelCause(t.Context())
		waiterCtx, stopWaiter := context.WithCancelCause(t.Context())
		results := make([]chan error, 3)
		start := func(i int, ctx context.Context, typ string) {
			results[i] = make(chan error, 1)
			go func() { results[i] <- r.Attach(ctx, attachment(typ)) }()
			synctest.Wait()
		}
		start(0, writerCtx, "a/writer")
		start(1, t.Context(), "a/patient")
		start(2, waiterCtx, "a/waiter")
		stopWaiter(ended)
		if err := <-results[2]; !errors.Is(err, ended) {
			t.Errorf("the waiter: %v", err)
		}
		stopWriter(ended)
		if err := <-results[0]; !errors.Is(err, ended) {
			t.Errorf("the writer: %v", err)
		}
		if err := <-results[1]; err != nil {
			t.Errorf("the other: %v", err)
		}
		if got, want := attachedTo(t, r), sorted(attachment("a/patient")); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if n := len(r.host.lists.byName); n != 0 {
			t.Errorf("%d lists are kept", n)
		}
	})
}

// If a writer ends with edits of others in its hands, the next one makes those.
func TestEditsOfABatchOutliveTheirWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lists
		ctx, stop := context.WithCancel(t.Context())
		edit := func(digest oci.Digest) oci.ReferrersEdit { return oci.ReferrersEdit{Remove: []oci.Digest{digest}} }
		var made []oci.Digest
		first := make(chan struct{})
		done := make(chan error, 4)
		go func() {
			done <- l.change(t.Context(), "a", edit("1"), func([]oci.ReferrersEdit) error { <-first; return nil })
		}()
		synctest.Wait()
		go func() {
			done <- l.change(ctx, "a", edit("2"), func(edits []oci.ReferrersEdit) error {
				if len(edits) != 3 {
					t.Errorf("%d edits", len(edits))
				}
				stop()
				return context.Canceled
			})
		}()
		synctest.Wait()
		for _, digest := range []oci.Digest{"3", "4"} {
			go func() {
				done <- l.change(t.Context(), "a", edit(digest), func(edits []oci.ReferrersEdit) error {
					for _, e := range edits {
						made = append(made, e.Remove...)
					}
					return nil
				})
			}()
			synctest.Wait()
		}
		close(first)
		var failed int
		for range 4 {
			if err := <-done; errors.Is(err, context.Canceled) {
				failed++
			} else if err != nil {
				t.Error(err)
			}
		}
		if failed != 1 || !slices.Equal(made, []oci.Digest{"3", "4"}) || len(l.byName) != 0 {
			t.Errorf("%d failed, made %v, kept %v", failed, made, l.byName)
		}
	})
}
