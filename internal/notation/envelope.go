package notation

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/tspclient-go"
	"github.com/veraison/go-cose"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Bounds of the certificates in an envelope, which are checked before their signatures are: to check one signature of
// an RSA key of 200 kilobytes took more than a minute.
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
	found.EndedAt, found.Reason = v.judge(outcome, err, target)
	return found, nil
}

// refused returns a signature of which nothing is known but why it does not count.
func refused(digest oci.Digest, reason error) signing.Found {
	return signing.Found{Digest: digest, Reason: reason}
}

// checkCertificates checks the size of what notation-go would verify.
func checkCertificates(mediaType string, envelope []byte) error {
	found, err := headerOf(mediaType, envelope)
	if err != nil {
		return err
	}
	if len(found.Chain) > maxChain {
		return fmt.Errorf("malformed: the envelope has %d certificates, more than %d", len(found.Chain), maxChain)
	}
	chain, err := parseChain(found.Chain)
	if err != nil {
		return fmt.Errorf("malformed: the certificates of the envelope: %w", err)
	}
	if token, err := tspclient.ParseSignedToken(found.Timestamp); err == nil { // If it cannot be read, its rule says so.
		if len(token.Certificates) > maxChain {
			return fmt.Errorf("malformed: the timestamp has %d certificates, more than %d", len(token.Certificates), maxChain)
		}
		chain = append(chain, token.Certificates...)
	}
	for _, certificate := range chain {
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSAKeyBits {
			return fmt.Errorf("malformed: a certificate has a key of more than %d bits", maxRSAKeyBits)
		}
	}
	return nil
}

// timestampHeader is where an envelope of COSE has its timestamp, as in the tag of header.
const timestampHeader = "io.cncf.notary.timestampSignature"

// header is what of an envelope is not signed.
type header struct {
	Chain     [][]byte `json:"x5c"`
	Timestamp []byte   `json:"io.cncf.notary.timestampSignature"`
}

// headerOf returns what of an envelope is not signed.
func headerOf(mediaType string, envelope []byte) (header, error) {
	switch mediaType {
	case signing.MediaTypeJWS:
		var parsed struct {
			Header header `json:"header"`
		}
		if err := json.Unmarshal(envelope, &parsed); err != nil {
			return header{}, fmt.Errorf("malformed: the envelope is no JWS: %w", err)
		}
		return parsed.Header, nil
	case signing.MediaTypeCOSE:
		var parsed cose.Sign1Message
		if err := parsed.UnmarshalCBOR(envelope); err != nil {
			return header{}, fmt.Errorf("malformed: the envelope is no COSE: %w", err)
		}
		list, _ := parsed.Headers.Unprotected[cose.HeaderLabelX5Chain].([]any)
		found := header{Chain: make([][]byte, 0, len(list))}
		for _, value := range list {
			der, _ := value.([]byte) // What is no bytes is no certificate.
			found.Chain = append(found.Chain, der)
		}
		found.Timestamp, _ = parsed.Headers.Unprotected[timestampHeader].([]byte)
		return found, nil
	}
	return header{}, fmt.Errorf("malformed: %q is no media type of envelopes", oci.Printable(mediaType))
}

// judge says whether a signature counts, from the results of the rules: a rule that only reports leaves err nil. A
// result that is missing counts as failed. ended is when a signature that counts ended; zero if it has not.
func (v *verifier) judge(
	outcome *notation.VerificationOutcome, err error, target oci.Descriptor,
) (ended time.Time, reason error) {
	if outcome == nil || outcome.EnvelopeContent == nil {
		return time.Time{}, refusal(trustpolicy.TypeIntegrity, err)
	}
	info := &outcome.EnvelopeContent.SignerInfo
	if unsupported := checkAttributes(info); unsupported != nil {
		return time.Time{}, unsupported
	}
	for _, rule := range []trustpolicy.ValidationType{
		trustpolicy.TypeIntegrity, trustpolicy.TypeAuthenticity, trustpolicy.TypeExpiry,
		trustpolicy.TypeAuthenticTimestamp, trustpolicy.TypeRevocation,
	} {
		if passed(outcome, rule) || outcome.VerificationLevel.Enforcement[rule] == trustpolicy.ActionSkip {
			continue
		}
		if end := endOf(rule, info); outcome.VerificationLevel.Enforcement[rule] == trustpolicy.ActionLog && !end.IsZero() {
			ended = earlier(ended, end)
			continue
		}
		return time.Time{}, v.explain(rule, outcome, err)
	}
	var payload struct {
		Target oci.Descriptor `json:"targetArtifact"`
	}
	switch parseErr := json.Unmarshal(outcome.EnvelopeContent.Payload.Content, &payload); {
	case parseErr != nil:
		return time.Time{}, fmt.Errorf("malformed: its payload: %w", parseErr)
	case payload.Target.Digest != target.Digest || payload.Target.MediaType != target.MediaType ||
		payload.Target.Size != target.Size:
		return time.Time{}, fmt.Errorf("it signs something else: %s of type %q with %d bytes",
			oci.Printable(payload.Target.Digest.String()), oci.Printable(payload.Target.MediaType), payload.Target.Size)
	case err != nil:
		return time.Time{}, fmt.Errorf("refused: %w", err)
	}
	return ended, nil
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

// endOf returns when a signature, or the first of its certificates, ended, if that is all that a rule found; otherwise
// zero.
func endOf(rule trustpolicy.ValidationType, info *signature.SignerInfo) (end time.Time) {
	now := time.Now()
	if rule == trustpolicy.TypeExpiry && !now.Before(info.SignedAttributes.Expiry) {
		return info.SignedAttributes.Expiry
	}
	if rule != trustpolicy.TypeAuthenticTimestamp {
		return time.Time{}
	}
	for _, certificate := range info.CertificateChain {
		if now.Before(certificate.NotBefore) {
			return time.Time{}
		}
		if now.After(certificate.NotAfter) {
			end = earlier(end, certificate.NotAfter)
		}
	}
	return end
}

// earlier returns the earlier of two times, of which a zero one does not count.
func earlier(x, y time.Time) time.Time {
	if x.IsZero() || !y.IsZero() && y.Before(x) {
		return y
	}
	return x
}
