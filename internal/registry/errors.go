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

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Errors of registries, besides those of package oci. The errors of this package wrap them: callers test with
// errors.Is.
var (
	// ErrRepositoryUnknown: the registry answered 404 with the code NAME_UNKNOWN. The error is also oci.ErrNotFound.
	ErrRepositoryUnknown = errors.New("repository unknown")
	// ErrUnauthorized: the registry or its token service answered 401.
	ErrUnauthorized = errors.New("not authorized")
	// ErrForbidden: the registry or its token service answered 403, or 401 because the login lacks a permission.
	ErrForbidden = errors.New("forbidden")
	// ErrUnreachable: no complete answer came, also to the last retry. The error is an UnreachableError if not even a
	// connection could be made.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrPlainHTTP: a request would have gone over plain HTTP to a host for which that is not allowed.
	ErrPlainHTTP = errors.New("plain HTTP is not allowed")
	// ErrRedirect: the registry redirected to a place that is not allowed.
	ErrRedirect = errors.New("redirect refused")
	// ErrNoTLS: the registry answers HTTPS with something that is not TLS. The error is also ErrUnreachable.
	ErrNoTLS = errors.New("no TLS")
	// ErrCertificate: the registry's certificate is not trusted. The error is also ErrUnreachable.
	ErrCertificate = errors.New("certificate not trusted")
	// ErrClientCertificate: the registry wants another certificate of the client. The error is also ErrUnreachable.
	ErrClientCertificate = errors.New("client certificate refused")
	// ErrTLSConfig: a certificate or key that is configured for the registry cannot be used.
	ErrTLSConfig = errors.New("unusable certificate")
	// ErrTokenService: the registry names a token service that does not belong to it.
	ErrTokenService = errors.New("token service on another domain")
	// ErrImmutable: the registry does not let a tag be moved.
	ErrImmutable = errors.New("tag is immutable")
	// ErrPolicy: a rule of the registry's owner refuses the request with 412, as Harbor does in projects that serve only
	// signed or scanned images.
	ErrPolicy = errors.New("refused by a rule")
)

// codeNameUnknown is the distribution specification's code for an unknown repository.
const codeNameUnknown = "NAME_UNKNOWN"

// maxErrorBody is how much of an error's body is read, in bytes.
const maxErrorBody = 64 << 10

// maxErrors is how many of the errors in one answer are kept.
const maxErrors = 10

// maxErrorText is how much of an error's text is kept, in bytes: proxies answer with whole pages.
const maxErrorText = 300

// Error is an answer of a registry or its token service with a status other than success. It matches the sentinels of
// this package and of package oci with errors.Is.
type Error struct {
	// Method and URL are those of the request. The URL has no query, which may hold secrets.
	Method, URL string
	// Status is the HTTP status code.
	Status int
	// Codes are the error codes of the distribution specification, possibly none.
	Codes []string
	// Message is the registry's own explanation, possibly empty.
	Message string
	// RetryAfter is how long the registry asked to wait; zero if it did not ask.
	RetryAfter time.Duration
	// denied says that a 401 is for a permission that the login lacks.
	denied bool
	// Login describes, in an answer of 401, 403 or 404, who was logged in. It is empty in other answers.
	Login string
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
	if e.Login != "" {
		text += " (logged in as: " + e.Login + ")"
	}
	return text
}

// Is reports whether the answer means a sentinel of this package or of package oci.
func (e *Error) Is(target error) bool {
	switch target {
	case oci.ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrRepositoryUnknown:
		return e.Status == http.StatusNotFound && slices.Contains(e.Codes, codeNameUnknown)
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized && !e.denied
	case ErrForbidden:
		return e.Status == http.StatusForbidden || e.denied
	case oci.ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrImmutable:
		return e.saysImmutable()
	case ErrPolicy:
		return e.Status == http.StatusPreconditionFailed && !e.saysImmutable()
	}
	return false
}

// saysImmutable reports whether a write was refused because tags are immutable. ECR answers 400 or 405 TAG_INVALID,
// Harbor 412, Quay and zot 409; only the word is common to all.
func (e *Error) saysImmutable() bool {
	return e.Method == http.MethodPut && e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError &&
		strings.Contains(strings.ToLower(e.Message), "immutab")
}

// temporary reports whether the same request may succeed a little later.
func (e *Error) temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// responseError turns an answer into an Error, whose texts have no secrets and print as one line. It reads the body;
// the caller closes it.
func (h *host) responseError(method string, u *url.URL, resp *http.Response) *Error {
	secrets := h.secrets.all()
	e := &Error{Method: method, URL: shorten(hideIn(redact(u), secrets)), Status: resp.StatusCode}
	e.denied = resp.StatusCode == http.StatusUnauthorized && chooseChallenge(resp.Header).failure == insufficientScope
	e.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return e // The status is enough; the body would only explain it.
	}
	text := func(s string) string { return shorten(hideIn(s, secrets)) }
	var parsed struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &parsed) != nil || len(parsed.Errors) == 0 {
		whole := len(body) < maxErrorBody
		e.Message = shorten(hideCut(string(body), secrets, whole))
		return e
	}
	var messages []string
	for _, item := range parsed.Errors[:min(len(parsed.Errors), maxErrors)] {
		if item.Code != "" {
			e.Codes = append(e.Codes, text(item.Code))
		}
		if item.Message != "" {
			messages = append(messages, item.Message)
		}
	}
	e.Message = text(strings.Join(messages, "; "))
	return e
}

// maxSeconds limits the seconds that a server states, so that a time.Duration can hold them.
const maxSeconds = 365 * 24 * 60 * 60

// parseRetryAfter reads a Retry-After header, which is a number of seconds or a date. It returns zero for any other
// text.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), maxSeconds)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// describe adds the login to an answer of 401, 403 or 404: many registries answer 404 for a repository that the login
// may not see.
func describe(err error, g *grant) error {
	answer, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		answer.Login = g.login
	}
	return err
}

// redact returns a URL without the parts that may hold secrets: user information and the query.
func redact(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// redactText redacts the text of a URL. It returns "" for a text that is not a URL.
func redactText(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return redact(u)
}

// shorten makes a foreign text short, and one line that prints.
func shorten(s string) string {
	s = strings.Join(strings.Fields(oci.Printable(s)), " ")
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "…"
	}
	return s
}
