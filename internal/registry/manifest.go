package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// acceptManifests is the Accept header of manifest requests. Docker schema 1 is not in it: it has no
// layers that could be verified.
var acceptManifests = strings.Join([]string{
	oci.MediaTypeOCIManifest, oci.MediaTypeOCIIndex, oci.MediaTypeDockerManifest, oci.MediaTypeDockerList,
}, ", ")

func manifestRequest(method, identifier string) request {
	return request{
		method: method, path: "manifests/" + identifier, accept: []int{http.StatusOK},
		// no-cache: proxies between us and the registry must not answer for a tag (section 4 of the design).
		header: http.Header{"Accept": {acceptManifests}, "Cache-Control": {"no-cache"}},
	}
}

// HeadManifest returns the digest that a tag stands for, or the digest itself where there is such a
// manifest. Nothing there is ErrNotFound.
func (r *Repository) HeadManifest(ctx context.Context, identifier string) (oci.Digest, error) {
	var digest oci.Digest
	err := r.exchange(ctx, manifestRequest(http.MethodHead, identifier), func(resp *http.Response) error {
		digest = digestHeader(resp)
		return nil
	})
	if err == nil && digest == "" { // Docker-Content-Digest is optional in the specification.
		m, err := r.GetManifest(ctx, identifier)
		return m.Digest, err
	}
	if err != nil {
		return "", fmt.Errorf("manifest %s: %w", r.spell(identifier), err)
	}
	return digest, nil
}

// GetManifest returns the manifest of a tag or digest, verified against the digest asked for or, for
// a tag, against the one that the registry announces. Nothing there is ErrNotFound.
func (r *Repository) GetManifest(ctx context.Context, identifier string) (oci.Manifest, error) {
	var m oci.Manifest
	err := r.exchange(ctx, manifestRequest(http.MethodGet, identifier), func(resp *http.Response) error {
		content, err := readLimited(ctx, resp.Body, oci.MaxManifestSize)
		if err != nil {
			return err
		}
		mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
		m = oci.NewManifest(strings.TrimSpace(mediaType), content)
		want, err := oci.ParseDigest(identifier)
		if err != nil || !strings.Contains(identifier, ":") { // A tag may look like a bare digest.
			want = digestHeader(resp)
		}
		if want == "" {
			return nil
		}
		return oci.Verify(content, want)
	})
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("manifest %s: %w", r.spell(identifier), err)
	}
	return m, nil
}

// PutManifest stores a manifest under a tag or its digest. The request is sent once: after a broken
// connection or a 5xx the error is ErrAmbiguous, and the caller finds out what happened. A 4xx means
// that the registry did not take it.
//
// The PUT is sent by latest or not at all; the zero value sets no deadline. It may have to wait before that: for a
// login, for a slot among concurrent requests, or because the registry asked for a pause. The error is ErrLate then.
func (r *Repository) PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	if len(m.Content) > oci.MaxManifestSize {
		return fmt.Errorf("manifest %s: %w: %d bytes, the limit is %d", r.spell(identifier), oci.ErrTooLarge, len(m.Content), oci.MaxManifestSize)
	}
	// The login comes first, so that its failure is not mistaken for an unknown outcome.
	err := r.host.retry(ctx, func(ctx context.Context) error {
		_, err := r.host.login(ctx, r.repository, true)
		return err
	})
	if err != nil {
		return err
	}
	resp, err := r.once(startBy(ctx, latest), request{
		method: http.MethodPut, path: "manifests/" + identifier, body: m.Content, push: true, unrepeatable: true,
		header: http.Header{"Content-Type": {m.MediaType}},
		accept: []int{http.StatusCreated, http.StatusOK, http.StatusAccepted},
	})
	if err == nil {
		drain(resp)
		return nil
	}
	answer, answered := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, oci.ErrLate):
	case !answered || answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusRequestTimeout:
		err = fmt.Errorf("%w: %w", oci.ErrAmbiguous, err)
	case answer.saysImmutable():
		err = fmt.Errorf("%w: %w", ErrImmutable, err)
	case answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound:
		err = fmt.Errorf("%w: %w", oci.ErrManifestRefused, err)
	}
	return fmt.Errorf("storing manifest %s: %w", r.spell(identifier), err)
}

// digestHeader returns the announced digest, or "" where it is missing or of another algorithm.
func digestHeader(resp *http.Response) oci.Digest {
	digest, err := oci.ParseDigest(resp.Header.Get("Docker-Content-Digest"))
	if err != nil {
		return ""
	}
	return digest
}

func (r *Repository) spell(identifier string) string {
	if strings.Contains(identifier, ":") {
		return r.repository.String() + "@" + identifier
	}
	return r.repository.String() + ":" + identifier
}
