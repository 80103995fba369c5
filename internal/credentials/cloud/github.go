package cloud

import (
	"context"
	"errors"
	"os"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// GitHub returns the source for GitHub's registry, ghcr.io: the token of a workflow's job in GITHUB_TOKEN.
func GitHub() credentials.Source { return newGitHub(options{}) }

func newGitHub(o options) credentials.Source {
	parse := func(host string) (struct{}, bool) { return struct{}{}, host == "ghcr.io" }
	return newSource("GitHub Packages", o, parse, findGitHub)
}

// errNoGitHub: there is no token for GitHub.
var errNoGitHub = errors.New("GITHUB_TOKEN is not set: set it to a token that may read packages, and write them to store metadata")

func findGitHub(context.Context, struct{}) (credentials.Credential, error) {
	token := os.Getenv("GITHUB_TOKEN")
	if token == "" {
		return credentials.Credential{}, errNoGitHub
	}
	// GitHub looks at the token only, and refuses an empty name.
	return credentials.Credential{Username: "x-access-token", Password: token, Origin: "GitHub Packages (GITHUB_TOKEN)"}, nil
}
