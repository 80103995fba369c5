package oci

import "errors"

// What can go wrong with any repository. Errors wrap these, so that callers decide with errors.Is.
var (
	// ErrBadReference: the text is not a reference to an image.
	ErrBadReference = errors.New("malformed image reference")
	// ErrBadDigest: the text is not a sha256 digest.
	ErrBadDigest = errors.New("malformed digest")
	// ErrNotFound: the registry answered 404. Nothing else counts as absence.
	ErrNotFound = errors.New("not found")
	// ErrRateLimited: 429, and the retries were used up.
	ErrRateLimited = errors.New("rate limited")
	// ErrAmbiguous: a manifest was sent and nobody knows whether the registry took it (a broken
	// connection or a 5xx). The request was not sent again: the caller must look.
	ErrAmbiguous = errors.New("outcome unknown")
	// ErrLate: the request had to be sent by a certain time and waited for longer. Nothing was sent.
	ErrLate = errors.New("too late to be sent")
	// ErrManifestRefused: the registry answered 400 or 404 to a manifest: it is not valid there, or names
	// a blob that the registry does not have.
	ErrManifestRefused = errors.New("manifest refused")
	// ErrTooLarge: the answer exceeds its limit.
	ErrTooLarge = errors.New("too large")
	// ErrDigestMismatch: the bytes are not those that their digest promises.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrBadResponse: the registry's answer does not follow the OCI distribution specification.
	ErrBadResponse = errors.New("unexpected response")
)
