package oci

import (
	"fmt"
	"strings"
)

// Identified returns the reference to a tag or a digest of the repository, as Reference.Identifier spells it:
// "1.2" or "sha256:…". The error wraps ErrBadReference.
func (r Repository) Identified(identifier string) (Reference, error) {
	if strings.Contains(identifier, ":") { // No tag has a colon.
		if err := checkDigest(identifier); err != nil {
			return Reference{}, err
		}
		return r.Digested(Digest(identifier)), nil
	}
	if !tagPattern.MatchString(identifier) {
		return Reference{}, fmt.Errorf("%w: %q is not a tag: tags have at most 128 letters, digits, underscores, periods "+
			"and hyphens, and begin with none of the last two", ErrBadReference, identifier)
	}
	return r.Tagged(identifier), nil
}
