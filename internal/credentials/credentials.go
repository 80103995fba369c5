// Package credentials finds what a registry is logged in to with: in Docker's and Podman's files, from
// credential helpers, and from the clouds that this machine belongs to. It sends nothing to registries and
// knows nothing of Terraform.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUnavailable marks a source that should have a credential and cannot give it: a helper that hangs, a
// file that cannot be read, a cloud without a login. The search goes on behind it.
var ErrUnavailable = errors.New("credentials unavailable")

// Credential is what a registry is logged in to with. The zero value is anonymous. It prints without its
// secrets.
type Credential struct {
	// Username and Password are for HTTP basic authentication, and for the registry's token service.
	Username, Password string
	// IdentityToken is an OAuth 2 refresh token of the registry's token service.
	IdentityToken string
	// RegistryToken is sent to the registry as it is, as a bearer token.
	RegistryToken string
	// Expires is when the credential ends; zero where nothing is known of that.
	Expires time.Time
	// NoLogin says that the user wants no login, although another source may have a credential. Nothing else is set then.
	NoLogin bool
	// Origin says where it comes from, for people: "the Docker configuration /root/.docker/config.json".
	Origin string
}

// IsAnonymous reports whether there is nothing to log in with.
func (c Credential) IsAnonymous() bool {
	return c.Username == "" && c.Password == "" && c.IdentityToken == "" && c.RegistryToken == ""
}

// String is the credential without its secrets.
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

// Format implements fmt.Formatter: whatever the verb, no secret is printed.
func (c Credential) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, c.String()) // A failing writer is its owner's business.
}

// Target is the repository that a credential is looked for.
type Target struct {
	// Host is the registry's canonical host with an optional port: "docker.io", "localhost:5000".
	Host string
	// Path is the repository's name in it: "library/alpine".
	Path string
}

// Source finds credentials. It is safe for concurrent use.
type Source interface {
	// Find returns the credential for a repository, an anonymous one where the source has none. An error
	// that wraps ErrUnavailable says why there is none where there should be.
	Find(ctx context.Context, target Target) (Credential, error)
}

// Chain asks sources in their order. The first that has a credential, or says NoLogin, ends the search.
type Chain []Source

// Find implements Source. Where no source has a credential, the error joins what kept those from it that
// should have one.
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

// unavailable wraps the reason why a source has no credential where it should.
func unavailable(origin string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, origin, err)
}
