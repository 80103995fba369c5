package registry

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestManifests(t *testing.T) {
	ctx := context.Background()
	r := open(t, serve(t, never), Options{})
	if _, err := r.HeadManifest(ctx, "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest of nothing: %v", err)
	}
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2,"layers":[]}`))
	if err := r.PutManifest(ctx, "tag", m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"tag", m.Digest.String()} {
		if digest, err := r.HeadManifest(ctx, identifier); err != nil || digest != m.Digest {
			t.Errorf("HeadManifest(%s): %s, %v", identifier, digest, err)
		}
		got, err := r.GetManifest(ctx, identifier)
		if err != nil || got.Digest != m.Digest || got.MediaType != oci.MediaTypeOCIManifest {
			t.Errorf("GetManifest(%s): %+v, %v", identifier, got, err)
		}
	}
	big := oci.NewManifest(oci.MediaTypeOCIManifest, make([]byte, oci.MaxManifestSize+1))
	if err := r.PutManifest(ctx, "big", big, time.Time{}); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("PutManifest over the limit: %v", err)
	}
	if _, exists, err := r.ListTags(ctx, "_manifesto"); err != nil || !exists {
		t.Errorf("ListTags: %t, %v", exists, err)
	}
	other := openHost(t, r.Repository().Host()+"/none", Options{})
	if _, exists, err := other.ListTags(ctx, "_manifesto"); err != nil || exists {
		t.Errorf("ListTags of another: %t, %v", exists, err)
	}
}

// A registry that sends other bytes than those of the digest is caught, for blobs, tags and digests.
func TestEveryByteIsVerified(t *testing.T) {
	ctx := context.Background()
	right := oci.DigestOf([]byte("right"))
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Docker-Content-Digest", right.String())
		_, _ = io.WriteString(w, "wrong")
		return true
	})
	r := open(t, server, Options{})
	if _, err := r.GetBlob(ctx, right, 100); !errors.Is(err, oci.ErrDigestMismatch) {
		t.Errorf("GetBlob: %v", err)
	}
	for _, identifier := range []string{"tag", right.String()} {
		if _, err := r.GetManifest(ctx, identifier); !errors.Is(err, oci.ErrDigestMismatch) {
			t.Errorf("GetManifest(%s): %v", identifier, err)
		}
	}
}

// A tag that looks like a bare digest is a tag.
func TestTagOfHexDigits(t *testing.T) {
	r := open(t, serve(t, never), Options{})
	tag := strings.Repeat("ab", 32)
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`))
	if err := r.PutManifest(context.Background(), tag, m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.GetManifest(context.Background(), tag); err != nil || got.Digest != m.Digest {
		t.Errorf("GetManifest: %+v, %v", got, err)
	}
}

// Without Docker-Content-Digest, the digest of a tag is computed from the answer to a GET.
func TestHeadWithoutDigest(t *testing.T) {
	body := `{"schemaVersion":2}`
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	})
	digest, err := open(t, server, Options{}).HeadManifest(context.Background(), "tag")
	if err != nil || digest != oci.DigestOf([]byte(body)) {
		t.Errorf("HeadManifest: %s, %v", digest, err)
	}
}

// A tag is put once. After a broken connection or a 5xx, the error says that the outcome is unknown.
func TestManifestPutsAreNotResent(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   error
	}{
		"reset": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, oci.ErrAmbiguous},
		"500":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, oci.ErrAmbiguous},
		"503":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, oci.ErrAmbiguous},
		"403":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, ErrForbidden},
		"429":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, oci.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			var puts atomic.Int64
			server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut {
					return false
				}
				puts.Add(1)
				test.answer(w)
				return true
			})
			err := putEmpty(open(t, server, Options{}))
			if !errors.Is(err, test.want) {
				t.Errorf("PutManifest: %v, want %v", err, test.want)
			}
			if errors.Is(err, oci.ErrAmbiguous) != errors.Is(test.want, oci.ErrAmbiguous) {
				t.Errorf("ambiguity of %v", err)
			}
			if n := puts.Load(); n != 1 {
				t.Errorf("put %d times", n)
			}
		})
	}
}

// A 4xx means that the registry did not take the manifest: the outcome is not unknown.
func TestRefusedManifests(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"rate": {http.StatusTooManyRequests, "", oci.ErrRateLimited},
		"ECR": {http.StatusBadRequest, `{"errors":[{"code":"TAG_INVALID",` +
			`"message":"The image tag '_manifesto' already exists in the 'app' repository ` +
			`and cannot be overwritten because the repository is immutable."}]}`, ErrImmutable},
		"Harbor": {http.StatusPreconditionFailed, `{"errors":[{"code":"PRECONDITION",` +
			`"message":"Failed to process request due to 'app:_manifesto' configured as immutable."}]}`, ErrImmutable},
		"forbidden":   {http.StatusForbidden, "", ErrForbidden},
		"bad request": {http.StatusBadRequest, `{"errors":[{"code":"MANIFEST_INVALID"}]}`, oci.ErrManifestRefused},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
			return true
		})
		r := open(t, server, Options{})
		err := putEmpty(r)
		if !errors.Is(err, test.want) || errors.Is(err, oci.ErrAmbiguous) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(test.body, "immutable") && errors.Is(err, oci.ErrManifestRefused) {
			t.Errorf("%s: taken for an invalid manifest: %v", name, err)
		}
	}
}

// A manifest that waits past its deadline is not sent.
func TestPutManifestIsNotSentLate(t *testing.T) {
	var puts atomic.Int64
	held, release := make(chan struct{}), make(chan struct{})
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		if strings.Contains(r.URL.Path, "/blobs/sha256") {
			close(held)
			<-release
		}
		return false
	})
	r := open(t, server, Options{MaxConcurrentRequests: 1})
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`))
	if err := r.PutManifest(context.Background(), "tag", m, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() { _, _ = r.HeadBlob(context.Background(), m.Digest) }) // It only takes the slot.
	<-held
	soon := time.Now().Add(20 * time.Millisecond)
	time.AfterFunc(time.Until(soon)+20*time.Millisecond, func() { close(release) })
	err := r.PutManifest(context.Background(), "tag", m, soon)
	if !errors.Is(err, oci.ErrLate) || errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("PutManifest: %v", err)
	}
	group.Wait()
	if puts.Load() != 1 {
		t.Errorf("%d manifests were sent", puts.Load())
	}
}

// What a HEAD does not say, or says of another manifest, comes from the manifest itself.
func TestDescribeManifest(t *testing.T) {
	t.Parallel()
	const content = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`
	digest := oci.DigestOf([]byte(content))
	other := oci.DigestOf([]byte("other")).String()
	all := map[string]string{
		"Content-Type": oci.MediaTypeOCIIndex, "Docker-Content-Digest": digest.String(),
		"Content-Length": strconv.Itoa(len(content)),
	}
	for name, test := range map[string]struct {
		identifier string
		// head replaces headers of the answer to the HEAD; an empty text removes one.
		head map[string]string
		gets int
		want error
	}{
		"by tag":            {"tag", nil, 0, nil},
		"by digest":         {digest.String(), nil, 0, nil},
		"no type":           {"tag", map[string]string{"Content-Type": ""}, 1, nil},
		"a generic type":    {"tag", map[string]string{"Content-Type": "application/json"}, 1, nil},
		"a page":            {"tag", map[string]string{"Content-Type": "text/html"}, 1, nil},
		"no digest":         {"tag", map[string]string{"Docker-Content-Digest": ""}, 1, nil},
		"another algorithm": {"tag", map[string]string{"Docker-Content-Digest": "sha512:1"}, 1, nil},
		"no size":           {"tag", map[string]string{"Content-Length": ""}, 1, nil},
		"another digest":    {digest.String(), map[string]string{"Docker-Content-Digest": other}, 1, nil},
		"other content":     {other, nil, 1, oci.ErrDigestMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gets atomic.Int64
			server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/v2/" {
					return false
				}
				headers := maps.Clone(all)
				if r.Method == http.MethodHead {
					maps.Copy(headers, test.head)
				} else {
					gets.Add(1)
					headers["Content-Type"] = cmp.Or(test.head["Content-Type"], headers["Content-Type"])
					if headers["Content-Type"] == mediaTypePage {
						headers["Content-Type"] = "application/json"
					}
				}
				for key, value := range headers {
					if value != "" {
						w.Header().Set(key, value)
					}
				}
				if headers["Content-Type"] == "" {
					w.Header()["Content-Type"] = nil // net/http would guess one.
				}
				if r.Method != http.MethodHead { // net/http would count the bytes.
					_, _ = io.WriteString(w, content)
				}
				return true
			})
			got, err := open(t, server, Options{}).DescribeManifest(t.Context(), test.identifier)
			if !errors.Is(err, test.want) || gets.Load() != int64(test.gets) {
				t.Errorf("%v after %d downloads", err, gets.Load())
			}
			want := oci.Descriptor{MediaType: oci.MediaTypeOCIIndex, Digest: digest, Size: int64(len(content))}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	absentFrom := open(t, serve(t, never), Options{})
	if _, err := absentFrom.DescribeManifest(t.Context(), "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}
