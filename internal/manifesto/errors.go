package manifesto

import (
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Errors of a Store, besides those of the registry and of package format.
var (
	// ErrNoEntry: the image has no entry of the type.
	ErrNoEntry = errors.New("no such metadata")
	// ErrContentMissing: the entry's content is no longer in the repository.
	ErrContentMissing = errors.New("content missing")
	// ErrContentsTooLarge: contents have more bytes together than their caller can take.
	ErrContentsTooLarge = errors.New("contents too large")
	// ErrExists: a create found an entry with other content.
	ErrExists = errors.New("already exists")
	// ErrChanged: an update or a delete found an entry with other content than its caller expects, or an update none.
	ErrChanged = errors.New("changed since the plan")
	// ErrDeclaredTwice: this run has already created the entry, or is about to.
	ErrDeclaredTwice = errors.New("declared twice")
	// ErrCreatedThisRun: another resource has created the entry in this run, so that it is not deleted.
	ErrCreatedThisRun = errors.New("created in this run")
	// ErrVanished: the registry answers 404 for the manifesto, but this run has read one, or nothing proves that the
	// repository can be read.
	ErrVanished = errors.New("manifesto not readable")
	// ErrInterrupted: the caller has given up during the commit. The change may be stored or not.
	ErrInterrupted = errors.New("interrupted")
	// ErrNotConfirmed: the commit gave up before the registry showed that the change is stored.
	ErrNotConfirmed = errors.New("not confirmed")
)

// ConflictError is the error of a change that found another entry than its caller expects. It wraps ErrExists or
// ErrChanged.
type ConflictError struct {
	// Key is the entry's.
	Key Key
	// Found is the digest of the entry's content; empty if there is no such entry.
	Found oci.Digest
	// Expected is the digest that the caller expects; empty if it expects no entry.
	Expected oci.Digest
	kind     error
}

// Error implements error.
func (e *ConflictError) Error() string {
	found := "there is no such entry"
	if e.Found != "" {
		found = "the entry's content is " + e.Found.String()
	}
	if e.Expected == "" {
		return fmt.Sprintf("%v: %s", e.kind, found)
	}
	return fmt.Sprintf("%v: %s, expected %s", e.kind, found, e.Expected)
}

// Unwrap returns ErrExists or ErrChanged.
func (e *ConflictError) Unwrap() error { return e.kind }

// Conflicts returns the conflicts in the error of a change, in the order of its edits; nil if it has another cause.
func Conflicts(err error) []*ConflictError {
	var conflict *ConflictError
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case !ok && errors.As(err, &conflict):
		return []*ConflictError{conflict}
	case !ok:
		return nil
	}
	var conflicts []*ConflictError
	for _, reason := range joined.Unwrap() {
		conflicts = append(conflicts, Conflicts(reason)...)
	}
	return conflicts
}

// NoEntryError is the error of a key without an entry. It wraps ErrNoEntry.
type NoEntryError struct {
	// Key is the key without an entry.
	Key Key
	// Types are the types that the image has instead, in the document's order; possibly none.
	Types []string
}

// Error implements error.
func (e *NoEntryError) Error() string {
	return fmt.Sprintf("%s: %v", e.Key, ErrNoEntry)
}

// Unwrap returns ErrNoEntry.
func (e *NoEntryError) Unwrap() error { return ErrNoEntry }
