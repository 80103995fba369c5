package manifesto

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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
	confirmed, overwritten := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var looks atomic.Int32 // At the tag, after our PUT: the first confirms it.
	f.server.Intercept(func(_ http.ResponseWriter, q *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(q.URL.Path, "/manifests/"+format.Tag) {
			return false
		}
		switch q.Method {
		case http.MethodPut:
			once.Do(func() {
				close(reached)
				<-proceed
			})
		case http.MethodHead:
			select {
			case <-proceed:
				if n := looks.Add(1); n > 1 {
					if n == 2 {
						close(confirmed)
					}
					<-overwritten
				}
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
	cancel() // While the first commit is confirmed, or the second one begins.
	close(proceed)
	<-confirmed
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
