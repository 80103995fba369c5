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

// acceptManifests is the Accept header of manifest requests. It lacks Docker schema 1, whose layers cannot be verified.
var acceptManifests = strings.Join([]string{
	oci.MediaTypeOCIManifest, oci.MediaTypeOCIIndex, oci.MediaTypeDockerManifest, oci.MediaTypeDockerList,
}, ", ")

func manifestRequest(method, identifier string) request {
	return request{
		method: method, path: "manifests/" + identifier, accept: []int{http.StatusOK},
		// no-cache: a proxy between us and the registry must not answer for a tag.
		header: http.Header{"Accept": {acceptManifests}, "Cache-Control": {"no-cache"}},
	}
}

func putRequest(identifier string, m oci.Manifest) request {
	return request{
		method: http.MethodPut, path: "manifests/" + identifier, body: m.Content, access: pushing,
		header: http.Header{"Content-Type": {m.MediaType}},
		accept: []int{http.StatusCreated, http.StatusOK, http.StatusAccepted},
	}
}

// HeadManifest returns the digest of the manifest that a tag or digest names. The error wraps oci.ErrNotFound if there
// is no such manifest, and oci.ErrBadResponse if the answer is no manifest.
func (r *Repository) HeadManifest(ctx context.Context, identifier string) (oci.Digest, error) {
	described, err := r.look(ctx, identifier, func(d oci.Descriptor) bool { return d.Digest != "" })
	return described.Digest, err
}

// DescribeManifest returns the media type, the digest and the size in bytes of the manifest that a tag or digest names.
// It downloads the manifest if the registry does not say all of them, or announces another digest. The error wraps
// oci.ErrNotFound if there is no such manifest, and oci.ErrBadResponse if the answer is no manifest.
func (r *Repository) DescribeManifest(ctx context.Context, identifier string) (oci.Descriptor, error) {
	return r.look(ctx, identifier, func(d oci.Descriptor) bool {
		return oci.IsManifestType(d.MediaType) && d.Size > 0 && d.Digest != "" &&
			(d.Digest.String() == identifier || !strings.Contains(identifier, ":"))
	})
}

// look asks for the headers of a manifest and, if they do not suffice, for the manifest.
func (r *Repository) look(
	ctx context.Context, identifier string, suffices func(oci.Descriptor) bool,
) (described oci.Descriptor, err error) {
	defer r.host.clean(&err)
	err = r.exchange(ctx, manifestRequest(http.MethodHead, identifier), func(resp *http.Response) error {
		if described = (oci.Descriptor{}); mayBeManifest(resp) {
			described.MediaType, described.Digest, described.Size = contentType(resp), digestHeader(resp), resp.ContentLength
		}
		return nil
	})
	if err != nil {
		return oci.Descriptor{}, fmt.Errorf("manifest %s: %w", r.spell(identifier), err)
	}
	// Docker-Content-Digest is optional in the specification. A page in the place of a manifest has none.
	if suffices(described) {
		return described, nil
	}
	m, err := r.GetManifest(ctx, identifier)
	if err != nil {
		return oci.Descriptor{}, err
	}
	return m.Descriptor(), nil
}

// GetManifest returns the manifest that a tag or digest names, verified against that digest or, for a tag, against the
// digest that the registry announces. The error wraps oci.ErrNotFound if there is no such manifest, oci.ErrTooLarge if
// it exceeds oci.MaxManifestSize or the bounds of oci.Manifest, and oci.ErrBadResponse if the answer is no manifest.
// That is oci.ErrNoManifest, too, if it has the right digest.
func (r *Repository) GetManifest(ctx context.Context, identifier string) (m oci.Manifest, err error) {
	defer r.host.clean(&err)
	err = r.exchange(ctx, manifestRequest(http.MethodGet, identifier), func(resp *http.Response) (err error) {
		m, err = readManifest(ctx, resp, identifier)
		return err
	})
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("manifest %s: %w", r.spell(identifier), err)
	}
	return m, nil
}

// readManifest reads the manifest in an answer, and verifies it.
func readManifest(ctx context.Context, resp *http.Response, identifier string) (oci.Manifest, error) {
	content, err := readLimited(ctx, resp.Body, oci.MaxManifestSize)
	if err != nil {
		return oci.Manifest{}, err
	}
	m := oci.NewManifest(contentType(resp), content)
	want, err := oci.ParseDigest(identifier)
	if err != nil || !strings.Contains(identifier, ":") { // A tag may look like a bare digest.
		want = digestHeader(resp)
	}
	if err = m.Check(); err != nil {
		return oci.Manifest{}, err
	}
	isManifest := m.IsManifest()
	verified := want != "" && (isManifest || m.MediaType != mediaTypePage) // A login page has no right digest.
	if verified {
		if err = oci.Verify(content, want); err != nil {
			return oci.Manifest{}, err
		}
	}
	if !isManifest {
		err = oci.ErrBadResponse
		if verified {
			err = fmt.Errorf("%w: %w", err, oci.ErrNoManifest)
		}
		return oci.Manifest{}, fmt.Errorf("%w: %d bytes of %q in the place of a manifest",
			err, len(content), shorten(m.MediaType))
	}
	return m, nil
}

// mediaTypePage is the Content-Type of login and error pages.
const mediaTypePage = "text/html"

// contentType returns an answer's Content-Type without its parameters, in lower case.
func contentType(resp *http.Response) string {
	mediaType, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// mayBeManifest reports whether the answer to a HEAD may be that for a manifest: it has no Content-Type, a manifest's,
// or a generic one such as application/json. Of anything else, such as text/html, only the content tells what it is.
func mayBeManifest(resp *http.Response) bool {
	mediaType := contentType(resp)
	return mediaType == "" || strings.HasPrefix(mediaType, "application/")
}

// PutManifest stores a manifest under a tag or its digest. The request is sent once: after a broken connection or a 5xx
// the error wraps oci.ErrAmbiguous, and the caller must look at what happened. A 4xx means that the registry did not
// take the manifest: the error wraps oci.ErrManifestRefused, ErrImmutable, or what the status means.
//
// The PUT is sent by latest or not at all: it may have to wait for a login, for a slot among concurrent requests, or
// for the end of a pause that the registry asked for. The error then wraps oci.ErrLate. The zero time sets no deadline.
func (r *Repository) PutManifest(
	ctx context.Context, identifier string, m oci.Manifest, latest time.Time,
) (err error) {
	defer r.host.clean(&err)
	if err = checkSize(m); err != nil {
		return fmt.Errorf("manifest %s: %w", r.spell(identifier), err)
	}
	// The login comes first, so that its failure does not count as an unknown outcome.
	err = r.host.retry(ctx, func(ctx context.Context) error {
		_, loginErr := r.host.login(ctx, r.repository, pushing)
		return loginErr
	})
	if err != nil {
		return err
	}
	put := putRequest(identifier, m)
	put.unrepeatable = true
	resp, err := r.once(startBy(ctx, latest), put)
	if err == nil {
		drain(resp)
		return nil
	}
	answer, answered := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, oci.ErrLate):
	case !answered || answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusRequestTimeout:
		err = fmt.Errorf("%w: %w", oci.ErrAmbiguous, err)
	default:
		err = refusedManifest(err)
	}
	return fmt.Errorf("storing manifest %s: %w", r.spell(identifier), err)
}

// refusedManifest says of the error of a PUT what the registry's answer means for the manifest.
func refusedManifest(err error) error {
	answer, answered := errors.AsType[*Error](err)
	switch {
	case !answered:
	case answer.saysImmutable():
		return fmt.Errorf("%w: %w", ErrImmutable, err)
	case answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", oci.ErrManifestRefused, err)
	}
	return err
}

// checkSize refuses a manifest that is larger than registries take.
func checkSize(m oci.Manifest) error {
	if len(m.Content) > oci.MaxManifestSize {
		return fmt.Errorf("%w: %d bytes, the limit is %d", oci.ErrTooLarge, len(m.Content), oci.MaxManifestSize)
	}
	return nil
}

// digestHeader returns the digest that the registry announces, or "" if it is missing or of another algorithm.
func digestHeader(resp *http.Response) oci.Digest {
	digest, err := oci.ParseDigest(resp.Header.Get("Docker-Content-Digest"))
	if err != nil {
		return ""
	}
	return digest
}

// spell returns the reference to a tag or digest, for errors.
func (r *Repository) spell(identifier string) string {
	if strings.Contains(identifier, ":") {
		return r.repository.String() + "@" + identifier
	}
	return r.repository.String() + ":" + identifier
}
