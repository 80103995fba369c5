package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/verifier"
	"oras.land/oras-go/v2/registry/remote"
)

// maxSignatures is the number of signatures that the command notation looks at by default.
const maxSignatures = 100

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(1)
	}
}

// result is what the command prints.
type result struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	// Signer is the subject of the certificate of the good signature.
	Signer string `json:"signer"`
}

var (
	errUsage    = errors.New("usage: verifier -config DIRECTORY [-plain-http] REFERENCE")
	errNoSigner = errors.New("the good signature has no certificate")
)

// run verifies the manifest that the arguments name.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("verifier", flag.ContinueOnError)
	config := flags.String("config", "", "directory with trustpolicy.json and truststore")
	plainHTTP := flags.Bool("plain-http", false, "speak HTTP with the registry")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *config == "" || flags.NArg() != 1 {
		return errUsage
	}
	dir.UserConfigDir = *config
	trust, err := verifier.NewFromConfig()
	if err != nil {
		return err
	}
	repository, err := remote.NewRepository(flags.Arg(0))
	if err != nil {
		return err
	}
	repository.PlainHTTP = *plainHTTP
	// A trust policy applies to digests, so that the command notation looks a tag up first.
	found, err := repository.Resolve(ctx, repository.Reference.Reference)
	if err != nil {
		return err
	}
	reference := repository.Reference.Registry + "/" + repository.Reference.Repository + "@" + found.Digest.String()
	target, outcomes, err := notation.Verify(ctx, trust, registry.NewRepository(repository), notation.VerifyOptions{
		ArtifactReference: reference, MaxSignatureAttempts: maxSignatures,
	})
	if err != nil {
		return err
	}
	for _, outcome := range outcomes { // There is one if the verification has succeeded.
		if outcome.EnvelopeContent == nil || len(outcome.EnvelopeContent.SignerInfo.CertificateChain) == 0 {
			continue
		}
		return json.NewEncoder(out).Encode(result{
			MediaType: target.MediaType, Digest: target.Digest.String(), Size: target.Size,
			Signer: outcome.EnvelopeContent.SignerInfo.CertificateChain[0].Subject.String(),
		})
	}
	return errNoSigner
}
