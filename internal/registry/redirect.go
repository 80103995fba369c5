package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// checkScheme allows https everywhere, and http only if the registry itself is spoken to over http. The error wraps
// ErrRedirect or ErrPlainHTTP.
func (h *host) checkScheme(u *url.URL) error {
	switch {
	case h.plain && u.Scheme != "http" && h.has(u):
		remedy := "set plain_http = false"
		if h.config.Scheme == "http" {
			remedy = "leave plain_http out"
		}
		return fmt.Errorf("%w: from http to %s://%s; to speak to it that way, %s", ErrRedirect, u.Scheme, u.Host, remedy)
	case u.Scheme == "https", h.plain && u.Scheme == "http":
		return nil
	}
	return fmt.Errorf("%w for %s", ErrPlainHTTP, u.Host)
}

// maxRedirects is how many redirects in a row are followed.
const maxRedirects = 5

// checkRedirect is the policy for a registry's redirects, which DESIGN.md describes under Registries: few, over https
// unless the registry itself is plain, and never from a public host to an address of a private network. The
// Authorization header is sent to the registry only. The error wraps ErrRedirect.
func (h *host) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if req.Context().Value(withinHostKey{}) != nil && !h.has(req.URL) {
		return http.ErrUseLastResponse
	}
	if req.Method != via[0].Method { // 301 to 303 turn a PUT into a GET, whose success would pass for that of the PUT.
		return fmt.Errorf("%w: of a %s to %s, as a %s", ErrRedirect, via[0].Method, redact(req.URL), req.Method)
	}
	if !h.is(req.URL) {
		req.Header.Del("Authorization")
	}
	if err := h.checkForeign(req.Context(), req.URL); err != nil {
		return err
	}
	h.logRedirect(req.Context(), req, len(via))
	return nil
}

type withinHostKey struct{}

// withinHost keeps requests with ctx at the registry's host: a redirect to another host is their answer.
func withinHost(ctx context.Context) context.Context {
	return context.WithValue(ctx, withinHostKey{}, true)
}

// checkForeign checks a URL that the registry sends a request to, by a redirect or as the location of an upload. The
// error wraps ErrRedirect.
func (h *host) checkForeign(ctx context.Context, u *url.URL) error {
	if u.Scheme != "https" && (!h.plain || u.Scheme != "http") {
		return fmt.Errorf("%w: from %s://%s to %s://%s", ErrRedirect, h.scheme(), h.address, u.Scheme, u.Host)
	}
	if !h.has(u) && isLinkLocal(u.Host) {
		return fmt.Errorf("%w: from %s to the link-local address %s", ErrRedirect, h.address, u.Host)
	}
	if !h.has(u) && isPrivate(u.Host) && !h.isPrivate(ctx) {
		return fmt.Errorf("%w: from the public host %s to the private address %s", ErrRedirect, h.address, u.Host)
	}
	return nil
}

// checkTokenRedirect is the policy for a token service's redirects: few, and only to URLs that could be the registry's
// token service themselves.
func (h *host) checkTokenRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if err := h.checkRealm(req.URL); err != nil {
		return err
	}
	h.logRedirect(req.Context(), req, len(via))
	return nil
}

// isPrivate reports whether the registry is in a private network, by its address or by the addresses of its name.
func (h *host) isPrivate(ctx context.Context) bool {
	if isPrivate(h.address) {
		return true
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", oci.Hostname(h.address))
	if err != nil {
		return false // Behind a proxy, the name may not resolve here.
	}
	for _, address := range addresses {
		if isPrivate(address.String()) {
			return true
		}
	}
	return false
}

// isLinkLocal reports whether a host is written as a link-local address. Clouds answer there with the credentials of a
// machine.
func isLinkLocal(hostport string) bool {
	ip, err := netip.ParseAddr(oci.Hostname(hostport))
	return err == nil && ip.Unmap().IsLinkLocalUnicast()
}

// isPrivate reports whether a host is this machine, or is written as an address of a private, link-local or loopback
// network. It resolves no name: the name of a cloud's storage may well have a private address, and https keeps
// impostors from answering for it.
func isPrivate(hostport string) bool {
	if oci.IsLoopback(hostport) {
		return true
	}
	ip := net.ParseIP(oci.Hostname(hostport))
	return ip != nil && (ip.IsPrivate() || ip.IsUnspecified()) || isLinkLocal(hostport)
}

func isIP(host string) bool { return net.ParseIP(host) != nil }
