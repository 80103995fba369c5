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

// What can go wrong besides the errors of package oci. Errors of this package wrap these, so that callers decide with errors.Is.
var (
	// ErrRepositoryUnknown: the registry answered 404 and said NAME_UNKNOWN. It also is ErrNotFound.
	ErrRepositoryUnknown = errors.New("repository unknown")
	// ErrUnauthorized: the registry or its token service answered 401.
	ErrUnauthorized = errors.New("not authorized")
	// ErrForbidden: the registry or its token service answered 403, or 401 for want of permission.
	ErrForbidden = errors.New("forbidden")
	// ErrUnreachable: no complete answer came, and the retries were used up.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrPlainHTTP: a request would have gone over plain HTTP to a host for which that is not allowed.
	ErrPlainHTTP = errors.New("plain HTTP is not allowed")
	// ErrRedirect: the registry redirected to a place that is not allowed.
	ErrRedirect = errors.New("redirect refused")
	// ErrNoTLS: the registry answers HTTPS with something that is not TLS. It also is ErrUnreachable.
	ErrNoTLS = errors.New("no TLS")
	// ErrCertificate: the registry's certificate is not trusted. It also is ErrUnreachable.
	ErrCertificate = errors.New("certificate not trusted")
	// ErrClientCertificate: the registry wants another certificate of the client. It also is ErrUnreachable.
	ErrClientCertificate = errors.New("client certificate refused")
	// ErrTLSConfig: a certificate or key that is configured for the registry cannot be used.
	ErrTLSConfig = errors.New("unusable certificate")
	// ErrTokenService: the registry names a token service that does not belong to it.
	ErrTokenService = errors.New("token service on another domain")
	// ErrImmutable: the registry does not let a tag be moved.
	ErrImmutable = errors.New("tag is immutable")
	// ErrPolicy: a rule of the registry's owner refuses the request (412: Harbor's projects that hand out signed
	// or scanned images only).
	ErrPolicy = errors.New("refused by a rule")
)

// codeNameUnknown is the distribution specification's code for a repository that is not known.
const codeNameUnknown = "NAME_UNKNOWN"

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
	// denied says that an answer of 401 is for want of permission, and not of a login.
	denied bool
	// Login says, in an answer of 401, 403 or 404, who the request came from.
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

// Is reports whether the answer means one of this package's sentinels.
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

// saysImmutable reports whether a write was refused because tags are immutable: ECR answers 400 or 405
// TAG_INVALID, Harbor 412, Quay and zot 409, each in its own words.
func (e *Error) saysImmutable() bool {
	return e.Method == http.MethodPut && e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError &&
		strings.Contains(strings.ToLower(e.Message), "immutab")
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
	e.denied = resp.StatusCode == http.StatusUnauthorized && chooseChallenge(resp.Header).failure == insufficientScope
	e.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
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

// maxSeconds keeps what a server says in seconds within what a duration holds.
const maxSeconds = 365 * 24 * 60 * 60

// parseRetryAfter reads a Retry-After header, which is in seconds or a date. Zero means that it asks for nothing.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), maxSeconds)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// describe adds to an answer that may be for want of permission who the request came from, and keeps out of any
// what the login was done with, should a server have repeated it. Many registries answer 404 for what they hide.
func describe(err error, g *grant) error {
	answer, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	for _, secret := range g.secrets {
		answer.Message = strings.ReplaceAll(answer.Message, secret, "***")
	}
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		answer.Login = g.login
	}
	return err
}

// redact drops what a URL may hold of secrets: user information and the query.
func redact(u *url.URL) string {
	if u == nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// redactText drops from the text of a URL what redact drops. A text that is not a URL may hold anything, and is dropped.
func redactText(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return redact(u)
}

// shorten keeps a foreign text printable on one line.
func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "…"
	}
	return s
}
