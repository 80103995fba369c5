package cloud

import (
	"context"
	"errors"
	"os"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// GitHub returns the source for GitHub's registry, ghcr.io: the token in GITHUB_TOKEN, as the job of a workflow has it.
func GitHub() credentials.Source { return newGitHub(options{}) }

func newGitHub(o options) credentials.Source {
	parse := func(host string) (struct{}, bool) { return struct{}{}, host == "ghcr.io" }
	return newSource("GitHub Packages", o, parse, findGitHub)
}

// errNoGitHub: there is no token for GitHub.
var errNoGitHub = errors.New("GITHUB_TOKEN is not set: " +
	"set it to a token that may read packages, and write them to store metadata")

func findGitHub(context.Context, struct{}) (credentials.Credential, error) {
	token := os.Getenv("GITHUB_TOKEN")
	if token == "" {
		return credentials.Credential{}, errNoGitHub
	}
	return credentials.Credential{
		Username: "x-access-token", // GitHub refuses an empty name, and ignores any other.
		Password: token, Origin: "GitHub Packages (GITHUB_TOKEN)",
	}, nil
}
