package manifesto

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A burst that one more change prolongs is settled even if that change is withdrawn. A rival that looked before our PUT
// overwrites our manifesto, and our change is stored again before its caller gets the answer.
func TestWithdrawnChangeDoesNotEndTheBurst(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	f.mustPut(t, f.run(t), "zero", "0")
	old, err := f.remote.GetManifest(ctx, format.Tag)
	if err != nil {
		t.Fatal(err)
	}
	s := f.run(t)
	s.options.Settle = Adaptive
	c := s.committer(f.remote.Repository())
	reached, proceed := make(chan struct{}), make(chan struct{})
	looking, overwritten := make(chan struct{}), make(chan struct{})
	var put, look sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, q *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(q.URL.Path, "/manifests/"+format.Tag) {
			return false
		}
		switch q.Method {
		case http.MethodPut:
			put.Do(func() {
				close(reached)
				<-proceed
			})
		case http.MethodHead:
			select {
			case <-proceed:
				look.Do(func() { close(looking) })
				<-overwritten
			default:
			}
		}
		return false
	})
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "one", "1") })
	<-reached
	giveUp, cancel := context.WithCancel(ctx)
	withdrawn := f.submitQueued(giveUp, t, c, "two")
	cancel() // While the first commit ends, or the second one begins.
	close(proceed)
	<-looking
	if err := f.remote.PutManifest(ctx, format.Tag, old, time.Time{}); err != nil {
		t.Fatal(err)
	}
	close(overwritten)
	t.Logf("the change that is withdrawn: %v", <-withdrawn)
	group.Wait()
	if got := f.document(t); !strings.Contains(got, `"one"`) {
		t.Errorf("the document is %s", got)
	}
}
