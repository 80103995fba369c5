package oci

import (
	"errors"
	"fmt"
)

// Errors of text that is not what it should be. ParseReference, ParseRepository, ParseHost, ParseDigest and
// ParsePlatform wrap them.
var (
	// ErrBadReference: the text is not a reference to an image, a repository or a registry.
	ErrBadReference = errors.New("malformed image reference")
	// ErrBadDigest: the text is not a sha256 digest.
	ErrBadDigest = errors.New("malformed digest")
	// ErrBadPlatform: the text is not os/architecture[/variant].
	ErrBadPlatform = errors.New("malformed platform")
)

// Errors of choosing a child of a multi-platform image.
var (
	// ErrNoPlatforms: the image is not a multi-platform image.
	ErrNoPlatforms = errors.New("not a multi-platform image")
	// ErrPlatformNotFound: the image has no child, or more than one, for the platform.
	ErrPlatformNotFound = errors.New("platform not found")
)

// Errors of a repository, whether a registry or a disk holds it. Callers test for them with errors.Is.
var (
	// ErrNotFound: the registry answered 404. Nothing else counts as absence.
	ErrNotFound = errors.New("not found")
	// ErrRateLimited: the registry answered 429, also to the last retry.
	ErrRateLimited = errors.New("rate limited")
	// ErrAmbiguous: a manifest was sent, and a broken connection or a 5xx hides whether the registry took it. The
	// request was not repeated: the caller must look.
	ErrAmbiguous = errors.New("outcome unknown")
	// ErrLate: the request waited past its deadline. Nothing was sent.
	ErrLate = errors.New("too late to be sent")
	// ErrManifestRefused: the registry answered 400 or 404 to a manifest: it calls the manifest invalid, or lacks a
	// blob that the manifest names.
	ErrManifestRefused = errors.New("manifest refused")
	// ErrTooLarge: the content exceeds its limit.
	ErrTooLarge = errors.New("too large")
	// ErrDigestMismatch: the bytes do not have their digest.
	ErrDigestMismatch = errors.New("digest mismatch")
	// ErrBadResponse: the answer does not follow the OCI distribution specification.
	ErrBadResponse = errors.New("unexpected response")
	// ErrNoManifest: the bytes have the digest that was asked for, and are no manifest. A registry's error is also
	// ErrBadResponse.
	ErrNoManifest = errors.New("not a manifest")
)

// Errors of referrers.
var (
	// ErrNotReferrer: the manifest is malformed, or attached to nothing or to another image.
	ErrNotReferrer = errors.New("not an artifact of the image")
	// ErrTooManyReferrers: the list has more than MaxReferrers entries. The error is also ErrTooLarge.
	ErrTooManyReferrers = fmt.Errorf("%w: more than %d referrers", ErrTooLarge, MaxReferrers)
	// ErrDeleteRefused: the registry does not delete manifests, or not for this user.
	ErrDeleteRefused = errors.New("deletion refused")
)
