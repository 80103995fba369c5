package registry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// pingPath is where a registry says how it wants to be authenticated to.
const pingPath = "/v2/"

// ping asks the registry, once per process, how it wants to be authenticated to.
func (h *host) ping(ctx context.Context) (challenge, error) {
	if _, err := h.transport.load(); err != nil {
		return challenge{}, err
	}
	known := func() (asked challenge, ok bool, err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.challenge != nil {
			asked = *h.challenge
		}
		return asked, h.challenge != nil, nil
	}
	return wait.Shared(ctx, &h.pings, "", loginTimeout, known, func(ctx context.Context) (challenge, error) {
		asked, err := h.pingOnce(ctx)
		if err != nil {
			return challenge{}, err
		}
		h.mu.Lock()
		h.challenge = &asked
		h.mu.Unlock()
		return asked, nil
	})
}

func (h *host) pingOnce(ctx context.Context) (challenge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.scheme()+"://"+h.address+pingPath, nil)
	if err != nil {
		return challenge{}, fmt.Errorf("%w: %w", oci.ErrBadReference, err)
	}
	resp, err := h.send(ctx, h.http, req)
	if err != nil {
		return challenge{}, err
	}
	defer drain(resp)
	switch resp.StatusCode {
	case http.StatusOK:
		return challenge{}, nil
	case http.StatusUnauthorized:
		asked := chooseChallenge(resp.Header)
		h.logChallenge(ctx, asked)
		return asked, nil
	case http.StatusNotFound: // The caller must not take this for the absence of an image.
		return challenge{}, fmt.Errorf("%w: %s answers 404, as what is no registry does", oci.ErrBadResponse, redact(req.URL))
	}
	return challenge{}, h.responseError(req.Method, req.URL, resp)
}
