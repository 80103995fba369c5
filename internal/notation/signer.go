package notation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	nsigner "github.com/notaryproject/notation-go/signer"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// subsystem is the part of the program that logs.
const subsystem = "signing"

// signer implements signing.Signer.
type signer struct {
	// source gives what signs one signature: notation-go's signer for plugins keeps state of the signature in it.
	source func() (notation.Signer, error)
	// chain is nil for a plugin, which has the certificates.
	chain   []*x509.Certificate
	options notation.SignerSignOptions
	logger  *slog.Logger
}

// NewSigner returns a signer. It makes a trial signature, so that what cannot sign is found before anything is stored.
// The errors that are not those of ctx are *OptionError.
func NewSigner(ctx context.Context, o SignerOptions) (signing.Signer, error) {
	envelope, err := o.envelope()
	if err != nil {
		return nil, err
	}
	if err = o.checkExpiry(); err != nil {
		return nil, err
	}
	s := &signer{logger: logs.For(o.Logger, subsystem)}
	s.options = notation.SignerSignOptions{SignatureMediaType: envelope, ExpiryDuration: o.Expiry}
	option, err := s.withSource(ctx, o)
	if err != nil {
		return nil, err
	}
	if err = s.withTimestamps(o); err != nil {
		return nil, err
	}
	// Without a timestamp: a plan must not fail because an authority is down that it does not need.
	untimed := s.options
	untimed.Timestamper, untimed.TSARootCAs = nil, nil
	_, trial, err := s.sign(ctx, trialTarget(), untimed)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("a trial signature: %w", context.Cause(ctx))
	case err != nil:
		return nil, optionErrorf(option, "a trial signature failed: %w", err)
	}
	if err = o.checkEnd(trial.CertificateChain, time.Now()); err != nil {
		return nil, err
	}
	s.logger.DebugContext(ctx, "made a trial signature", slog.String("signer", signerOf(trial.CertificateChain[0])))
	return s, nil
}

// withSource sets what signs. It returns the name of the option that a failing signature is about.
func (s *signer) withSource(ctx context.Context, o SignerOptions) (option string, err error) {
	hasKey := len(o.PrivateKey) > 0 || len(o.CertificateChain) > 0
	switch {
	case o.Plugin != nil && hasKey:
		return "", optionErrorf(optionPlugin, "a plugin has its key and its certificates: "+
			"leave out private_key and certificate_chain, or leave out plugin")
	case o.Plugin != nil:
		return optionPlugin, s.withPlugin(ctx, o)
	case len(o.PrivateKey) == 0:
		return "", optionErrorf(optionKey, "it is missing: set private_key and certificate_chain, or plugin")
	case len(o.CertificateChain) == 0:
		return "", optionErrorf(optionChain, "it is missing: set the signing certificate and what issued it, to the root")
	}
	return optionChain, s.withKey(o)
}

// withKey makes the signer sign with a private key.
func (s *signer) withKey(o SignerOptions) error {
	key, err := parseKey(o.PrivateKey)
	if err != nil {
		return &OptionError{Option: optionKey, Err: err}
	}
	chain, err := parseCertificates(o.CertificateChain)
	if err != nil {
		return &OptionError{Option: optionChain, Err: err}
	}
	if err = checkKey(key, chain); err != nil {
		return &OptionError{Option: optionKey, Err: err}
	}
	if err = checkChain(chain, time.Now()); err != nil {
		return &OptionError{Option: optionChain, Err: err}
	}
	local, err := nsigner.NewGenericSigner(key, chain)
	if err != nil {
		return &OptionError{Option: optionChain, Err: err}
	}
	s.chain = chain
	s.source = func() (notation.Signer, error) { return local, nil }
	return nil
}

// trialTarget is what a trial signature signs: the empty JSON object, which means nothing to anybody.
func trialTarget() oci.Descriptor {
	empty := []byte("{}")
	return oci.Descriptor{MediaType: oci.MediaTypeOCIEmpty, Digest: oci.DigestOf(empty), Size: int64(len(empty))}
}

// Sign implements signing.Signer.
func (s *signer) Sign(ctx context.Context, target oci.Descriptor) (signing.Signature, error) {
	envelope, info, err := s.sign(ctx, target, s.options)
	if err != nil {
		return signing.Signature{}, fmt.Errorf("sign %s: %w", target.Digest, err)
	}
	return signing.Signature{
		Claims:      claimsOf(info, s.options.Timestamper != nil),
		Envelope:    envelope,
		MediaType:   s.options.SignatureMediaType,
		Thumbprints: thumbprints(info.CertificateChain),
	}, nil
}

// sign returns an envelope, and what is in it.
func (s *signer) sign(
	ctx context.Context, target oci.Descriptor, options notation.SignerSignOptions,
) ([]byte, *signature.SignerInfo, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if s.chain != nil { // It may have ended since the trial signature.
		if err := checkValidity(s.chain, time.Now()); err != nil {
			return nil, nil, err
		}
	}
	source, err := s.source()
	if err != nil {
		return nil, nil, err
	}
	// A descriptor of a list may have more than notation-go would put into the payload, such as annotations.
	target = oci.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	envelope, info, err := source.Sign(ctx, target, options)
	var untimed *signature.TimestampError
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.As(err, &untimed):
		return nil, nil, fmt.Errorf("the time stamping authority at timestamp_url did not confirm when: %w", err)
	case err != nil:
		return nil, nil, err
	}
	return envelope, info, nil
}
