package oci

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPath is the length of the longest repository name, in bytes, without the registry's host.
const maxPath = 255

// Patterns of the OCI distribution specification. pathComponent matches what is between the slashes of a repository's
// name. It matches neither the empty component nor "..", which would lead to other paths of the registry's API.
var (
	tagPattern    = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	pathComponent = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
)

// hostPattern matches a host name or an IP address, with an optional port.
var hostPattern = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

// checkName checks the parts of a reference to a registry that follow a grammar: the repository's name, the tag and the
// digest. The error wraps ErrBadReference and says which part is wrong, and why.
func checkName(s string) error {
	rest, digest, byDigest := strings.Cut(s, "@")
	if byDigest {
		if err := checkDigest(digest); err != nil {
			return err
		}
	}
	if host, path, found := strings.Cut(rest, "/"); found && isHost(host) {
		if !hostPattern.MatchString(host) {
			return fmt.Errorf("%w: %q is not a host", ErrBadReference, host)
		}
		rest = path
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		if !tagPattern.MatchString(rest[i+1:]) {
			return fmt.Errorf("%w: %q is not a tag: tags have at most 128 letters, digits, underscores, periods and hyphens, "+
				"and begin with none of the last two", ErrBadReference, rest[i+1:])
		}
		rest = rest[:i]
	}
	return checkPath(rest)
}

// checkPath checks a repository's name inside its registry.
func checkPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%w: the repository name has %d characters, at most %d are allowed",
			ErrBadReference, len(path), maxPath)
	}
	if lower := strings.ToLower(path); lower != path {
		return fmt.Errorf("%w: the repository name %q has upper case letters; repository names are lower case, such as %q",
			ErrBadReference, path, lower)
	}
	for component := range strings.SplitSeq(path, "/") {
		switch {
		case pathComponent.MatchString(component):
		case path == "":
			return fmt.Errorf("%w: the repository name is missing", ErrBadReference)
		case component == "":
			return fmt.Errorf("%w: the repository name %q has an empty part between slashes", ErrBadReference, path)
		default:
			return fmt.Errorf("%w: the part %q of the repository name %q is not allowed: parts have letters and digits, "+
				"with single periods, one or two underscores, or hyphens between them", ErrBadReference, component, path)
		}
	}
	return nil
}

// checkDigest checks the digest of a reference.
func checkDigest(digest string) error {
	if algorithm, _, found := strings.Cut(digest, ":"); found && algorithm+":" != sha256Prefix {
		return fmt.Errorf("%w: %w: %q is not a sha256 digest", ErrBadReference, ErrBadDigest, algorithm)
	}
	if _, err := ParseDigest(digest); err != nil {
		return fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	if !strings.HasPrefix(digest, sha256Prefix) {
		return fmt.Errorf("%w: %w: the digest must begin with %s", ErrBadReference, ErrBadDigest, sha256Prefix)
	}
	return nil
}

// foreignDigest matches a digest at the end of a reference to a layout.
var foreignDigest = regexp.MustCompile(`@([A-Za-z][A-Za-z0-9+._-]*:[0-9A-Fa-f]{32,})$`)
