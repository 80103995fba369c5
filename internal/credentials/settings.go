package credentials

import "context"

// Settings are the credentials that the user sets for single registries, by canonical host. They are the first source
// of a chain. A Credential with NoLogin ends the search: it is how the user asks for no login. The zero value has none.
type Settings map[string]Credential

// Find implements Source.
func (s Settings) Find(_ context.Context, target Target) (Credential, error) {
	return s[target.Host], nil
}

// String returns the name of the source.
func (s Settings) String() string { return "the provider's settings" }
