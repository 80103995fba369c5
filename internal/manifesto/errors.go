package manifesto

import (
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// What can go wrong here besides the registry's own errors.
var (
	// ErrNoEntry: the image has no entry of the type.
	ErrNoEntry = errors.New("no such metadata")
	// ErrContentMissing: the entry's content is no longer in the repository.
	ErrContentMissing = errors.New("content missing")
	// ErrExists: create found an entry with other content.
	ErrExists = errors.New("already exists")
	// ErrChanged: update or delete found an entry other than the one that was planned for.
	ErrChanged = errors.New("changed since the plan")
	// ErrDeclaredTwice: a second create of the same entry in one run.
	ErrDeclaredTwice = errors.New("declared twice")
	// ErrCreatedThisRun: the entry to delete was created in this run, by another resource.
	ErrCreatedThisRun = errors.New("created in this run")
	// ErrVanished: the registry says that there is no manifesto although this run saw one, or although
	// nothing proves that the repository can be read.
	ErrVanished = errors.New("manifesto not readable")
	// ErrInterrupted: the caller gave up while its edit was being written; it may or may not be there.
	ErrInterrupted = errors.New("interrupted")
	// ErrNotConfirmed: the registry took the manifesto but does not show it.
	ErrNotConfirmed = errors.New("not confirmed")
)

// ConflictError says what an operation found in the place of what it expected. It wraps ErrExists or
// ErrChanged.
type ConflictError struct {
	// Key is the entry in question.
	Key Key
	// Found is the digest of the entry's content now; empty where there is no such entry.
	Found oci.Digest
	// Expected is the digest that the caller knew; empty where it expected no entry.
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

// NoEntryError says which types the image has instead. It wraps ErrNoEntry.
type NoEntryError struct {
	// Key is the entry that was looked for.
	Key Key
	// Types are the types that the image has, in the document's order; possibly none.
	Types []string
}

// Error implements error.
func (e *NoEntryError) Error() string {
	return fmt.Sprintf("%s: %v", e.Key, ErrNoEntry)
}

// Unwrap returns ErrNoEntry.
func (e *NoEntryError) Unwrap() error { return ErrNoEntry }
