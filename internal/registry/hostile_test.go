package registry_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// The login of the hostile tests. The password has characters that URLs, HTML and JSON escape.
const (
	username = "robot"
	password = `Pa&ss/w"ord+1%é`
)

// spellings returns the password in the ways in which a server may repeat it.
func spellings() []string {
	basic := []byte(username + ":" + password)
	return []string{
		password, url.QueryEscape(password), url.PathEscape(password), (&url.URL{Path: password}).EscapedPath(),
		base64.StdEncoding.EncodeToString(basic), base64.URLEncoding.EncodeToString(basic),
		base64.StdEncoding.EncodeToString([]byte(password)),
		strings.Trim(fmt.Sprintf("%q", password), `"`),
	}
}

// hostile is one way in which a registry may answer. /v2/ asks for basic authentication; answer gets all else.
type hostile struct {
	answer http.HandlerFunc
	// call is what the client does; nil means GetManifest of a tag.
	call func(context.Context, *registry.Repository) error
	// want is what the error wraps; nil for any error.
	want error
	// says is a part of the error.
	says string
	// writes lists the methods besides GET and HEAD that may reach the server.
	writes []string
	// most bounds what the client allocates, in megabytes; 0 means 32.
	most uint64
}

func getManifest(ctx context.Context, r *registry.Repository) error {
	_, err := r.GetManifest(ctx, "1")
	return err
}

func headManifest(ctx context.Context, r *registry.Repository) error {
	_, err := r.HeadManifest(ctx, "1")
	return err
}

func getBlob(ctx context.Context, r *registry.Repository) error {
	_, err := r.GetBlob(ctx, oci.DigestOf(nil), 64<<20)
	return err
}

func listAllTags(ctx context.Context, r *registry.Repository) error {
	_, _, err := r.ListTags(ctx, format.Tag)
	return err
}

func readDocument(ctx context.Context, r *registry.Repository) error {
	if _, err := manifesto.ReadDocument(ctx, r); err != nil {
		return fmt.Errorf("%s: %w", r.Repository(), err) // As the provider's diagnostics do.
	}
	return nil
}

// indexOf returns an index of images with a digest, as many as n says.
func indexOf(digest oci.Digest, n int) string {
	child := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":100}`, oci.MediaTypeOCIIndex, digest)
	return `{"schemaVersion":2,"manifests":[` + strings.Repeat(child+",", n-1) + child + `]}`
}

// nested answers for the tag with an index that names the next one by its digest, and so on for some levels. The last
// one names itself by a false digest: the one under which it was asked for.
func nested(levels int) http.HandlerFunc {
	indexes := map[string]string{}
	last := oci.DigestOf(nil)
	indexes[last.String()] = indexOf(last, 1)
	for range levels {
		index := indexOf(last, 1)
		last = oci.DigestOf([]byte(index))
		indexes[last.String()] = index
	}
	indexes[format.Tag] = indexOf(last, 1)
	return func(w http.ResponseWriter, r *http.Request) {
		respond(200, oci.MediaTypeOCIIndex, indexes[path.Base(r.URL.Path)])(w, r)
	}
}

func putBlob(ctx context.Context, r *registry.Repository) error {
	_, err := r.PutBlob(ctx, []byte("x"))
	return err
}

func putManifest(ctx context.Context, r *registry.Repository) error {
	return r.PutManifest(ctx, "1", oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}")), time.Time{})
}

// respond answers with a status, a Content-Type and a body.
func respond(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// redirect answers with a redirect.
func redirect(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Location"] = []string{location}
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// upload opens an upload at a location.
func upload(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Location"] = []string{location}
		w.WriteHeader(map[string]int{http.MethodPost: http.StatusAccepted}[r.Method])
	}
}

// raw answers with bytes that need not be HTTP.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(connection, answer)
		_ = connection.Close()
	}
}

// endless answers with a body that does not end.
func endless(status int, part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", oci.MediaTypeOCIManifest)
		w.WriteHeader(status)
		chunk := []byte(strings.Repeat(part, 1+1<<16/len(part)))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// posts are the writes of a client that opens an upload and does not get a place to send it to.
var posts = []string{http.MethodPost}

const page = "<html><title>Sign in</title></html>"

func headerOf(key, value string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()[key] = []string{value}
		w.WriteHeader(status)
	}
}

// hostileAnswers are the cases of TestHostileAnswers.
func hostileAnswers() map[string]hostile {
	cases := map[string]hostile{
		"a login page": {answer: respond(200, "text/html", page), want: oci.ErrBadResponse, says: "text/html"},
		"a login page for a HEAD": {answer: respond(200, "text/html; charset=utf-8", page), call: headManifest,
			want: oci.ErrBadResponse},
		"a login page by digest": {answer: respond(200, "text/html", page), want: oci.ErrBadResponse,
			call: func(ctx context.Context, r *registry.Repository) error {
				_, err := r.GetManifest(ctx, oci.DigestOf(nil).String())
				return err
			}},
		"a login page with a digest": {call: headManifest,
			want: oci.ErrBadResponse, answer: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Docker-Content-Digest", oci.DigestOf([]byte(page)).String())
				respond(200, "text/html", page)(w, r)
			}},
		"JSON that is no manifest": {answer: respond(200, "application/json", `{"ok":true}`), want: oci.ErrBadResponse},
		"a lying digest of a manifest": {want: oci.ErrDigestMismatch, answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Docker-Content-Digest", oci.DigestOf(nil).String())
			respond(200, oci.MediaTypeOCIManifest, "{}")(w, r)
		}},
		"a lying digest of a blob": {answer: respond(200, "", "other"), call: getBlob, want: oci.ErrDigestMismatch},
		"an endless manifest":      {answer: endless(200, "x"), want: oci.ErrTooLarge},
		"an endless blob":          {answer: endless(200, "x"), call: getBlob, want: oci.ErrTooLarge, most: 400},
		"an endless error":         {answer: endless(500, "x"), says: "500"},
		"a size over the limit": {answer: headerOf("Content-Length", "99999999999", 200), call: getBlob,
			want: oci.ErrTooLarge},
		"a size that lies": {answer: raw("HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\nx"), call: getBlob,
			want: registry.ErrUnreachable},
		"an absurd Retry-After":  {answer: headerOf("Retry-After", "99999999999999", 429), want: oci.ErrRateLimited},
		"a negative Retry-After": {answer: headerOf("Retry-After", "-1", 403), want: registry.ErrForbidden},
		"a redirect to metadata": {answer: redirect("http://169.254.169.254/latest"), call: getBlob,
			want: registry.ErrRedirect},
		"a redirect to link-local": {answer: redirect("http://[fe80::1]/x"), call: getBlob, want: registry.ErrRedirect},
		"a mapped link-local": {answer: redirect("http://[::ffff:169.254.169.254]/x"), call: getBlob,
			want: registry.ErrRedirect},
		"a redirect to itself":     {answer: redirect("?"), call: getBlob, want: registry.ErrRedirect},
		"a redirect to a file":     {answer: redirect("file:///etc/passwd"), call: getBlob, want: registry.ErrRedirect},
		"a redirect to no address": {answer: redirect("http://[::1"), call: getBlob, want: oci.ErrBadResponse},
		"an upload at metadata": {answer: upload("http://169.254.169.254/x"), call: putBlob, writes: posts,
			want: registry.ErrRedirect},
		"an upload at no address":   {answer: upload("http://[::1"), call: putBlob, writes: posts, want: oci.ErrBadResponse},
		"an upload without address": {answer: respond(202, "", ""), call: putBlob, writes: posts, want: oci.ErrBadResponse},
		"a manifest made a GET": {answer: respond(302, "", ""), call: putManifest,
			writes: []string{http.MethodPut}},
		"codes without end": {says: "400",
			answer: respond(400, "", `{"errors":[`+strings.Repeat(`{"code":"X"},`, 4000)+`{}]}`)},
		"a page of an error": {answer: respond(503, "text/html", strings.Repeat("<p>", 10000)), says: "503"},
		"many headers": {answer: raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1<<18)),
			want: registry.ErrUnreachable},
		"no status": {answer: raw("\x1b[2JApply complete!\r\n\r\n"), want: registry.ErrUnreachable},
		"another token service": {answer: headerOf("WWW-Authenticate", `Bearer realm="https://evil.example/t"`, 401),
			want: registry.ErrTokenService},
		"a realm of a file": {answer: headerOf("WWW-Authenticate", `Bearer realm="file:///etc/passwd"`, 401)},
		"a realm of escapes": {
			answer: headerOf("WWW-Authenticate", "Bearer realm=\"https://evil\u202e\u009b.example/\"", 401)},
		"a realm at metadata": {answer: headerOf("WWW-Authenticate", `Bearer realm="http://169.254.169.254/t"`, 401),
			want: registry.ErrTokenService},
	}
	for name, body := range map[string]string{
		"children":       indexOf(oci.DigestOf(nil), 20_000),
		"empty children": `{"manifests":[` + strings.Repeat("{},", 1<<20) + `{}]}`,
		"layers":         `{"layers":[` + strings.Repeat("{},", 1<<20) + `{}]}`,
		"brackets":       strings.Repeat(`{"x":[`, 500_000),
	} {
		cases["too many "+name] = hostile{answer: respond(200, oci.MediaTypeOCIIndex, body), want: oci.ErrTooLarge}
	}
	cases["too many tags"] = hostile{
		answer: respond(200, "application/json", `{"tags":[`+strings.Repeat(`"",`, 1<<20)+`""]}`), call: listAllTags,
		want: oci.ErrTooLarge, says: "the list of tags has a list or an object of more than 200000 values",
	}
	cases["a cyclic index"] = hostile{answer: nested(0), call: readDocument, want: oci.ErrDigestMismatch}
	cases["nested indexes"] = hostile{answer: nested(1000), call: readDocument, want: format.ErrNotManifesto}
	escapes := "\x1b[31m\x1b]0;title\x07\r\nApply complete!\u202e\u2066\u009b1m\x00\xff"
	cases["escapes in a body"] = hostile{answer: respond(400, "", escapes), says: "Apply complete!"}
	cases["escapes in a code"] = hostile{says: "400",
		answer: respond(400, "", `{"errors":[{"code":"\u001b[2J\u202e\n\u009b","message":"\u2066\r\n\u001b]8;;x\u0007"}]}`)}
	cases["escapes in a redirect"] = hostile{answer: redirect("https://evil\u202e\u009b.example/"), call: getBlob}
	cases["escapes in a Content-Type"] = hostile{answer: respond(200, "text/\u202e\u009b", page),
		want: oci.ErrBadResponse}
	for i, secret := range spellings() {
		echo := func(name string, c hostile) { cases[fmt.Sprintf("an echo in %s, spelling %d", name, i)] = c }
		quoted := fmt.Sprintf("%q", secret)
		echo("a body", hostile{answer: respond(403, "", "no: "+secret), want: registry.ErrForbidden})
		echo("a code", hostile{answer: respond(403, "", `{"errors":[{"code":`+quoted+`,"message":`+quoted+`}]}`)})
		echo("a cut body", hostile{answer: respond(403, "", strings.Repeat(" ", 64<<10-len(secret)+2)+secret)})
		echo("a long body", hostile{answer: respond(403, "", strings.Repeat("x", 298-len(secret)/2)+secret)})
		echo("a status line", hostile{answer: raw("Basic-" + secret + "\r\n\r\n"), want: registry.ErrUnreachable})
		echo("a header line", hostile{answer: raw("HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n"),
			want: registry.ErrUnreachable})
		echo("a size", hostile{answer: raw("HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n"),
			want: registry.ErrUnreachable})
		echo("a coding", hostile{answer: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n"),
			want: registry.ErrUnreachable})
		path := (&url.URL{Path: "/" + secret}).EscapedPath()
		echo("a redirect", hostile{answer: func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v2/") {
				redirect("http://"+r.Host+path)(w, r)
			} else {
				w.WriteHeader(http.StatusForbidden)
			}
		}, call: getBlob})
		challenge := `Bearer realm="https://evil.example` + path + `",service=` + quoted
		echo("a realm", hostile{answer: headerOf("WWW-Authenticate", challenge, 401)})
	}
	return cases
}

// TestHostileAnswers sends answers of a hostile registry to the client. Each ends in an error that names the registry,
// after bounded time and memory. Neither the error nor the log has a secret or a character that a terminal would obey.
func TestHostileAnswers(t *testing.T) {
	for name, test := range hostileAnswers() {
		t.Run(name, func(t *testing.T) { test.run(t) })
	}
}

func (test hostile) run(t *testing.T) {
	var seen atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		test.checkRequest(t, r, seen.Add(1))
		test.answer(w, r)
	}))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	host := strings.TrimPrefix(server.URL, "http://")
	var log buffer
	client := registry.NewClient(registry.Options{
		MaxRetries: 1, Backoff: time.Millisecond, RequestTimeout: 5 * time.Second,
		Credentials: credentials.Settings{host: {Username: username, Password: password}},
		Logger:      slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: logs.LevelTrace})),
	})
	t.Cleanup(client.Close)
	repository, err := oci.ParseRepository(host+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	call := test.call
	if call == nil {
		call = getManifest
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	used := memtest.Allocated(func() { err = call(ctx, client.Open(repository)) }) >> 20
	t.Logf("%d MB in %d requests", used, seen.Load())
	if most := max(test.most, 32); used > most {
		t.Errorf("%d MB were allocated, the limit is %d MB", used, most)
	}
	if err == nil {
		t.Fatal("no error")
	}
	if text := err.Error(); ctx.Err() != nil || test.want != nil && !errors.Is(err, test.want) ||
		!strings.Contains(text, test.says) || !strings.Contains(text, host) || len(text) > 4100 {
		t.Errorf("the error is %.500q; want %v, %q and the host", text, test.want, test.says)
	}
	checkOutput(t, err.Error(), log.String())
}

// checkRequest fails the test if a request writes what the case does not allow, or is one of too many.
func (test hostile) checkRequest(t *testing.T, r *http.Request, number int64) {
	t.Helper()
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !slices.Contains(test.writes, r.Method) {
		t.Errorf("the client has sent %s %s", r.Method, r.URL.Path)
	}
	if number > 12 { // Six requests, the last after five redirects, and a retry.
		t.Error("the client has sent more than 12 requests")
	}
}

// checkOutput fails the test if an error or a log has a secret, or a character that a terminal would obey.
func checkOutput(t *testing.T, text, log string) {
	t.Helper()
	for _, r := range text {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			t.Errorf("the error has the character %U: %q", r, text)
		}
	}
	for _, secret := range spellings() {
		for _, output := range []string{text, log} {
			if strings.Contains(output, secret[:len(secret)-2]) {
				t.Errorf("the secret %q is in %s", secret, output)
			}
		}
	}
	for _, bad := range []string{"\\u001b", "\u202e", "\u2066", "\u009b", "\\u202e", "\\u009b"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log has %q: %s", bad, log)
		}
	}
}

// Registries that answer with a generic Content-Type, or none, for real manifests go on working. One request is enough
// if the answer has the digest.
func TestGenericContentTypes(t *testing.T) {
	content := []byte(`{"schemaVersion":2,"layers":[]}`)
	for contentType, gets := range map[string]int{
		"application/json": 0, "application/octet-stream": 0, "application/vnd.oci.image.manifest.v1+json; charset=utf-8": 0,
		"text/plain": 1, "text/html": 1,
	} {
		got := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			if r.Method == http.MethodGet {
				got++
			}
			w.Header().Set("Docker-Content-Digest", oci.DigestOf(content).String())
			respond(200, contentType, string(content))(w, r)
		}))
		repository, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
		if err != nil {
			t.Fatal(err)
		}
		client := registry.NewClient(registry.Options{})
		r := client.Open(repository)
		digest, err := r.HeadManifest(t.Context(), "1")
		if err != nil || digest != oci.DigestOf(content) || got != gets {
			t.Errorf("HeadManifest of %s: %s, %v after %d GETs", contentType, digest, err, got)
		}
		if m, err := r.GetManifest(t.Context(), "1"); err != nil || !bytes.Equal(m.Content, content) {
			t.Errorf("GetManifest of %s: %s, %v", contentType, m.Content, err)
		}
		client.Close()
		server.Close()
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// String implements fmt.Stringer.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}
