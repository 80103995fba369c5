package manifesto

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// secret is in all content that the tests of the log store. It must not be in the log.
const secret = "correct horse battery staple"

// logBuffer keeps what a logger writes. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: logs.LevelTrace}))
}

// check checks the log as a whole, and that one record has each list of parts.
func (b *logBuffer) check(t *testing.T, repository oci.Repository, records ...[]string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(b.text.String()), "\n")
	for _, line := range lines {
		if !strings.Contains(line, " subsystem=commit repository="+repository.String()+" ") &&
			!strings.HasSuffix(line, " subsystem=commit repository="+repository.String()) {
			t.Errorf("the record does not say what it is about: %s", line)
		}
		if strings.Contains(line, secret) {
			t.Errorf("the record has content in it: %s", line)
		}
	}
	for _, parts := range records {
		if !hasRecord(lines, parts) {
			t.Errorf("no record has all of %q", parts)
		}
	}
	if t.Failed() {
		t.Logf("the log:\n%s", b.text.String())
	}
}

func hasRecord(lines, parts []string) bool {
	for _, line := range lines {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return true
		}
	}
	return false
}

func TestLogOfACommit(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	var log logBuffer
	c := f.runWith(t, Options{Settle: Adaptive, Logger: log.logger()}).committer(f.remote.Repository())
	var edits change
	for _, typ := range []string{"one", "two"} {
		put := Put{Key: f.key(typ), Content: []byte(secret + typ)}
		e, err := c.putEdit(t.Context(), put, f.blob(t, secret+typ))
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, e)
	}
	if err := c.submit(t.Context(), newTicket(t.Context(), edits)); err != nil {
		t.Fatal(err)
	}
	one, two := f.key("one").String(), f.key("two").String()
	log.check(t, f.remote.Repository(),
		[]string{`msg="the repository has no manifesto"`},
		[]string{"msg=committing", "changes=1", one, two},
		[]string{`msg="put a pin manifest"`, "tag=" + format.ShardTag(0), "blobs=2", "stored=true"},
		[]string{"msg=committed", "digest=" + f.version(t).digest.String(), "number=1", "changes=1", one, two, "window="},
		[]string{`msg="waiting until no other writer can overwrite the manifesto unseen"`, "settle=", "wait="},
		[]string{"msg=settled"},
		[]string{"level=DEBUG-4", `msg="looked at the tag"`},
	)
}

func TestLogOfARefusedChange(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	digest := f.mustPut(t, f.run(t), "t", secret).Digest
	var log logBuffer
	s := f.runWith(t, Options{Logger: log.logger()})
	if _, err := s.Put(t.Context(), Put{Key: f.key("t"), Content: []byte("my " + secret)}); err == nil {
		t.Error("a create over other content succeeds")
	}
	log.check(t, f.remote.Repository(),
		[]string{`msg="read the manifesto"`, "number=1"},
		[]string{`msg="refused a change"`, f.key("t").String(), "already exists", digest.String()},
	)
}

func TestLogOfAFasterRival(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "before", "1")
	var log logBuffer
	s := f.runWith(t, Options{Logger: log.logger()})
	if _, err := s.Get(t.Context(), f.key("before")); err != nil {
		t.Fatal(err)
	}
	f.mustPut(t, f.run(t), "rival", "2")
	f.mustPut(t, s, "mine", secret)
	log.check(t, f.remote.Repository(),
		[]string{`msg="starting the commit over"`, `reason="another writer was faster"`, "attempt=1", "wait="},
	)
}

func TestLogOfAFailedPut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	var puts atomic.Int64
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !isTagRequest(r, http.MethodPut) || puts.Add(1) > 1 {
			return false
		}
		registrytest.Refuse(w, http.StatusInternalServerError, "UNKNOWN", "the disk is full")
		return true
	})
	var log logBuffer
	f.mustPut(t, f.runWith(t, Options{Logger: log.logger()}), "t", secret)
	log.check(t, f.remote.Repository(),
		[]string{`msg="starting the commit over"`, `reason="the PUT of the manifest failed"`, "the disk is full"},
	)
}

// lateRepository does not send the first PUT of the manifesto, as if it had to wait for too long before.
type lateRepository struct {
	Repository
	late atomic.Bool
}

func (r *lateRepository) PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	if identifier == format.Tag && r.late.CompareAndSwap(false, true) {
		return oci.ErrLate
	}
	return r.Repository.PutManifest(ctx, identifier, m, latest)
}

func TestLogOfALatePut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	var log logBuffer
	s := f.runWith(t, Options{Logger: log.logger()})
	open := s.open
	s.open = func(r oci.Repository) Repository { return &lateRepository{Repository: open(r)} }
	f.mustPut(t, s, "t", secret)
	log.check(t, f.remote.Repository(),
		[]string{`msg="the manifest could not be sent in time after the look at the tag"`},
	)
}

func TestLogOfAnOverwrittenChange(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "before", "1")
	f.overwriteAtSettle(t, f.version(t).successor())
	var log logBuffer
	f.mustPut(t, f.runWith(t, Options{Settle: Adaptive, Logger: log.logger()}), "mine", secret)
	log.check(t, f.remote.Repository(),
		[]string{`msg="another writer has overwritten changes, which are stored again"`, f.key("mine").String()},
		[]string{"msg=settled"},
	)
}

func TestLogOfMissingContent(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.write(t, `{"images":[{"image_digest":"`+f.image.String()+`","manifesto":[{"type":"gone","digest":"`+
		dig("9").String()+`"}]}]}`, registrytest.Gzip)
	var log logBuffer
	f.mustPut(t, f.runWith(t, Options{Logger: log.logger()}), "mine", secret)
	log.check(t, f.remote.Repository(),
		[]string{`msg="the manifesto names blobs that are not there"`, dig("9").String()},
	)
}
