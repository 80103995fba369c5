package notation

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/veraison/go-cose"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Bounds of the certificates in an envelope, which are checked before their signatures are: a key of a megabyte would
// keep a processor busy for minutes.
const (
	maxChain      = 10
	maxRSAKeyBits = 8192
)

// verify verifies one envelope. The error is one of ctx: what is wrong with the signature is in the result.
func (v *verifier) verify(
	ctx context.Context, digest oci.Digest, mediaType string, envelope []byte, target oci.Descriptor,
) (signing.Found, error) {
	if err := checkCertificates(mediaType, envelope); err != nil {
		return refused(digest, err), nil
	}
	found := signing.Found{Digest: digest}
	target = oci.Descriptor{MediaType: target.MediaType, Digest: target.Digest, Size: target.Size}
	outcome, err := v.notation.Verify(ctx, target, envelope, notation.VerifierVerifyOptions{
		ArtifactReference: policyRef + target.Digest.String(), SignatureMediaType: mediaType,
	})
	if ctx.Err() != nil {
		return signing.Found{}, context.Cause(ctx)
	}
	if outcome != nil && outcome.EnvelopeContent != nil {
		timestamped := v.timestamped && passed(outcome, trustpolicy.TypeAuthenticTimestamp)
		found.Claims = claimsOf(&outcome.EnvelopeContent.SignerInfo, timestamped)
	}
	found.Expired, found.Reason = v.judge(outcome, err, target)
	return found, nil
}

// refused returns a signature of which nothing is known but why it does not count.
func refused(digest oci.Digest, reason error) signing.Found {
	return signing.Found{Digest: digest, Reason: reason}
}

// checkCertificates checks the size of what notation-go would verify.
func checkCertificates(mediaType string, envelope []byte) error {
	chain, err := certificatesOf(mediaType, envelope)
	switch {
	case err != nil:
		return err
	case len(chain) == 0:
		return errors.New("malformed: the envelope has no certificates")
	case len(chain) > maxChain:
		return fmt.Errorf("malformed: the envelope has %d certificates, more than %d", len(chain), maxChain)
	}
	for _, der := range chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("malformed: a certificate: %w", err)
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSAKeyBits {
			return fmt.Errorf("malformed: a certificate has a key of more than %d bits", maxRSAKeyBits)
		}
	}
	return nil
}

// certificatesOf returns the certificate chain of an envelope.
func certificatesOf(mediaType string, envelope []byte) ([][]byte, error) {
	switch mediaType {
	case signing.MediaTypeJWS:
		var parsed struct {
			Header struct {
				Chain [][]byte `json:"x5c"`
			} `json:"header"`
		}
		if err := json.Unmarshal(envelope, &parsed); err != nil {
			return nil, fmt.Errorf("malformed: the envelope is no JWS: %w", err)
		}
		return parsed.Header.Chain, nil
	case signing.MediaTypeCOSE:
		var parsed cose.Sign1Message
		if err := parsed.UnmarshalCBOR(envelope); err != nil {
			return nil, fmt.Errorf("malformed: the envelope is no COSE: %w", err)
		}
		list, _ := parsed.Headers.Unprotected[cose.HeaderLabelX5Chain].([]any)
		chain := make([][]byte, 0, len(list))
		for _, value := range list {
			der, ok := value.([]byte)
			if !ok {
				return nil, errors.New("malformed: the certificates of the envelope are no bytes")
			}
			chain = append(chain, der)
		}
		return chain, nil
	}
	return nil, fmt.Errorf("malformed: %q is no media type of envelopes", oci.Printable(mediaType))
}

// judge says whether a signature counts, from the results of the rules: a rule that only reports leaves err nil. A
// result that is missing counts as failed.
func (v *verifier) judge(
	outcome *notation.VerificationOutcome, err error, target oci.Descriptor,
) (expired bool, reason error) {
	if outcome == nil || outcome.EnvelopeContent == nil {
		return false, refusal(trustpolicy.TypeIntegrity, err)
	}
	info := &outcome.EnvelopeContent.SignerInfo
	if unsupported := checkAttributes(info); unsupported != nil {
		return false, unsupported
	}
	for _, rule := range []trustpolicy.ValidationType{
		trustpolicy.TypeIntegrity, trustpolicy.TypeAuthenticity, trustpolicy.TypeExpiry,
		trustpolicy.TypeAuthenticTimestamp, trustpolicy.TypeRevocation,
	} {
		if passed(outcome, rule) || outcome.VerificationLevel.Enforcement[rule] == trustpolicy.ActionSkip {
			continue
		}
		if outcome.VerificationLevel.Enforcement[rule] == trustpolicy.ActionLog && hasExpired(rule, info) {
			expired = true
			continue
		}
		return false, v.explain(rule, outcome, err)
	}
	var payload struct {
		Target oci.Descriptor `json:"targetArtifact"`
	}
	switch parseErr := json.Unmarshal(outcome.EnvelopeContent.Payload.Content, &payload); {
	case parseErr != nil:
		return false, fmt.Errorf("malformed: its payload: %w", parseErr)
	case payload.Target.Digest != target.Digest || payload.Target.MediaType != target.MediaType ||
		payload.Target.Size != target.Size:
		return false, fmt.Errorf("it signs something else: %s of type %q with %d bytes",
			oci.Printable(payload.Target.Digest.String()), oci.Printable(payload.Target.MediaType), payload.Target.Size)
	case err != nil:
		return false, fmt.Errorf("refused: %w", err)
	}
	return expired, nil
}

// checkAttributes refuses what only a verification plugin could verify: an attribute that is critical must be
// understood. notation-go does not look at those of a signature that names no plugin.
func checkAttributes(info *signature.SignerInfo) error {
	for _, attribute := range info.SignedAttributes.ExtendedAttributes {
		if attribute.Critical {
			return fmt.Errorf("it needs a verification plugin, which is not supported: its attribute %q is critical",
				oci.Printable(fmt.Sprint(attribute.Key)))
		}
	}
	return nil
}

// passed reports whether a rule was checked and found nothing.
func passed(outcome *notation.VerificationOutcome, rule trustpolicy.ValidationType) bool {
	result := resultOf(outcome, rule)
	return result != nil && result.Error == nil
}

func resultOf(outcome *notation.VerificationOutcome, rule trustpolicy.ValidationType) *notation.ValidationResult {
	for _, result := range outcome.VerificationResults {
		if result.Type == rule {
			return result
		}
	}
	return nil
}

// hasExpired reports whether what a rule found is only that the signature, or a certificate of it, has expired.
func hasExpired(rule trustpolicy.ValidationType, info *signature.SignerInfo) bool {
	now := time.Now()
	switch rule {
	case trustpolicy.TypeExpiry:
		return !now.Before(info.SignedAttributes.Expiry)
	case trustpolicy.TypeAuthenticTimestamp:
		expired := false
		for _, certificate := range info.CertificateChain {
			if now.Before(certificate.NotBefore) {
				return false
			}
			expired = expired || now.After(certificate.NotAfter)
		}
		return expired
	default:
		return false
	}
}
