package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable means that a source should have a credential and cannot give it: a helper hangs, a file cannot be
// read, a cloud has no login. The search goes on with the next source. The text of such an error is for people and
// holds no secret.
var ErrUnavailable = errors.New("credentials unavailable")

// Credential is what a login to a registry takes. The zero value is anonymous. No format verb prints its secrets.
type Credential struct {
	// Username and Password are for HTTP basic authentication, and for the registry's token service.
	Username, Password string
	// IdentityToken is an OAuth 2 refresh token of the registry's token service.
	IdentityToken string
	// RegistryToken is sent to the registry unchanged, as a bearer token.
	RegistryToken string
	// Expires is when the credential ends; zero if that is unknown.
	Expires time.Time
	// NoLogin says that the user wants no login, even if another source has a credential. The fields above are empty.
	NoLogin bool
	// Origin names the source for people: "docker-credential-desktop", or the path of a file.
	Origin string
}

// IsAnonymous reports whether the credential has nothing to log in with.
func (c Credential) IsAnonymous() bool {
	return c.Username == "" && c.Password == "" && c.IdentityToken == "" && c.RegistryToken == ""
}

// String returns "anonymous", or "credentials of" and the origin. It holds no secrets.
func (c Credential) String() string {
	if c.IsAnonymous() {
		return "anonymous"
	}
	if c.Origin == "" {
		return "credentials"
	}
	return "credentials of " + c.Origin
}

// GoString implements fmt.GoStringer, for %#v.
func (c Credential) GoString() string { return c.String() }

// Format implements fmt.Formatter. It prints String for every verb.
func (c Credential) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, c.String()) // Formatter has no way to return the writer's error.
}

// Target is the repository to find a credential for.
type Target struct {
	// Host is the registry's canonical host with an optional port: "docker.io", "localhost:5000".
	Host string
	// Path is the repository's name in the registry: "library/alpine".
	Path string
}

// Source finds credentials. It is safe for concurrent use.
type Source interface {
	// Find returns the credential for a repository, and an anonymous one if the source has none. The error wraps
	// ErrUnavailable if the source should have one.
	Find(ctx context.Context, target Target) (Credential, error)
}

// Chain asks sources in their order. The first that has a credential, or says NoLogin, ends the search.
type Chain []Source

// Find implements Source. If no source has a credential, the error joins the errors of the sources that should have
// one.
func (c Chain) Find(ctx context.Context, target Target) (Credential, error) {
	var reasons []error
	for _, source := range c {
		found, err := source.Find(ctx, target)
		if ctx.Err() != nil {
			return Credential{}, context.Cause(ctx)
		}
		if err != nil {
			reasons = append(reasons, err)
			continue
		}
		if found.NoLogin || !found.IsAnonymous() {
			return found, nil
		}
	}
	return Credential{}, errors.Join(reasons...)
}

// unavailable returns an error that wraps ErrUnavailable, for a source and its reason.
func unavailable(origin string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, origin, err)
}
