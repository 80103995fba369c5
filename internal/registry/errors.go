package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// What can go wrong. Errors of this package wrap these, so that callers decide with errors.Is.
var (
	// ErrBadReference: the text is not a reference to an image.
	ErrBadReference = errors.New("malformed image reference")
	// ErrBadDigest: the text is not a sha256 digest.
	ErrBadDigest = errors.New("malformed digest")
	// ErrNotFound: the registry answered 404. Nothing else counts as absence.
	ErrNotFound = errors.New("not found")
	// ErrRepositoryUnknown: the registry answered 404 and said NAME_UNKNOWN. It also is ErrNotFound.
	ErrRepositoryUnknown = errors.New("repository unknown")
	// ErrUnauthorized: the registry or its token service answered 401.
	ErrUnauthorized = errors.New("not authorized")
	// ErrForbidden: the registry or its token service answered 403.
	ErrForbidden = errors.New("forbidden")
	// ErrRateLimited: 429, and the retries were used up.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnreachable: no complete answer came, and the retries were used up.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrAmbiguous: a manifest was sent and nobody knows whether the registry took it (a broken
	// connection or a 5xx). The request was not sent again: the caller must look.
	ErrAmbiguous = errors.New("outcome unknown")
	// ErrManifestRefused: the registry answered 400 or 404 to a manifest: it is not valid there, or names
	// a blob that the registry does not have.
	ErrManifestRefused = errors.New("manifest refused")
	// ErrTooLarge: the answer exceeds its limit.
	ErrTooLarge = errors.New("too large")
	// ErrDigestMismatch: the bytes are not those that their digest promises.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrPlainHTTP: a request would have gone over plain HTTP to a host for which that is not allowed.
	ErrPlainHTTP = errors.New("plain HTTP is not allowed")
	// ErrRedirect: the registry redirected to a place that is not allowed.
	ErrRedirect = errors.New("redirect refused")
	// ErrBadResponse: the registry's answer does not follow the OCI distribution specification.
	ErrBadResponse = errors.New("unexpected response")
)

// maxErrorBody bounds what is read of an error's body, in bytes.
const maxErrorBody = 64 << 10

// maxErrorText bounds what is kept of it for people to read, in bytes: proxies answer with whole pages.
const maxErrorText = 300

// Error is an answer of a registry, or of its token service, that is not the one asked for.
type Error struct {
	// Method and URL are those of the request; the URL carries no query, which may hold secrets.
	Method, URL string
	// Status is the HTTP status code.
	Status int
	// Codes are the error codes of the distribution specification, possibly none.
	Codes []string
	// Message is the registry's own explanation, possibly empty.
	Message string
	// RetryAfter is how long the registry asked to wait; zero where it did not.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if len(e.Codes) > 0 {
		text += " " + strings.Join(e.Codes, ", ")
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Is reports whether the answer means one of this package's sentinels.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrRepositoryUnknown:
		return e.Status == http.StatusNotFound && slices.Contains(e.Codes, string(transport.NameUnknownErrorCode))
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	}
	return false
}

// temporary reports whether the same request may well succeed a little later.
func (e *Error) temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// responseError turns an answer into an Error. It reads the body but leaves closing it to the caller.
func responseError(method string, u *url.URL, resp *http.Response) *Error {
	e := &Error{Method: method, URL: redact(u), Status: resp.StatusCode}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e // The status alone says enough; the body was only an explanation.
	}
	var parsed struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &parsed) != nil || len(parsed.Errors) == 0 {
		e.Message = shorten(string(body))
		return e
	}
	var messages []string
	for _, item := range parsed.Errors {
		if item.Code != "" {
			e.Codes = append(e.Codes, shorten(item.Code))
		}
		if item.Message != "" {
			messages = append(messages, item.Message)
		}
	}
	e.Message = shorten(strings.Join(messages, "; "))
	return e
}

// fromTransport turns an error of go-containerregistry's login into one of this package.
func fromTransport(answer *transport.Error) error {
	e := &Error{Method: http.MethodGet, Status: answer.StatusCode}
	if answer.Request != nil {
		e.Method, e.URL = answer.Request.Method, redact(answer.Request.URL)
	}
	var messages []string
	for _, item := range answer.Errors {
		e.Codes = append(e.Codes, shorten(string(item.Code)))
		messages = append(messages, item.Message)
	}
	e.Message = shorten(strings.Join(messages, "; "))
	return e
}

// redact drops what a URL may hold of secrets: user information and the query.
func redact(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// shorten keeps a foreign text printable on one line.
func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "…"
	}
	return s
}
