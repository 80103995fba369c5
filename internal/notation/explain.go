package notation

import (
	"errors"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
)

// explain returns why a rule refused a signature, in words that say what the owner of the trust may do.
func (v *verifier) explain(
	rule trustpolicy.ValidationType, outcome *notation.VerificationOutcome, err error,
) error {
	info := &outcome.EnvelopeContent.SignerInfo
	result := resultOf(outcome, rule)
	if result != nil && result.Error != nil {
		err = result.Error
	}
	switch rule {
	case trustpolicy.TypeAuthenticity:
		return v.explainAuthenticity(info)
	case trustpolicy.TypeExpiry:
		return fmt.Errorf("it has expired at %s", info.SignedAttributes.Expiry.UTC().Format(time.RFC3339))
	case trustpolicy.TypeAuthenticTimestamp:
		if invalid := checkValidity(info.CertificateChain, time.Now()); invalid != nil && !v.timestamped {
			return invalid
		}
		return fmt.Errorf("its timestamp: %w", err)
	default:
		return refusal(rule, err)
	}
}

// explainAuthenticity tells an unknown authority from an unknown name.
func (v *verifier) explainAuthenticity(info *signature.SignerInfo) error {
	if info.SignedAttributes.SigningScheme != signature.SigningSchemeX509 {
		return fmt.Errorf("its signing scheme is %q, and only %q is supported",
			info.SignedAttributes.SigningScheme, signature.SigningSchemeX509)
	}
	for _, digest := range thumbprints(info.CertificateChain) {
		if v.trusted[digest] {
			return errors.New("its signer is none of trusted_identities")
		}
	}
	root := info.CertificateChain[len(info.CertificateChain)-1]
	return fmt.Errorf("none of its certificates is in trusted_certificates; its root is %s", nameOf(root))
}

// refusal returns the error of a rule.
func refusal(rule trustpolicy.ValidationType, err error) error {
	if err == nil {
		err = errors.New("not checked")
	}
	return fmt.Errorf("%s: %w", rule, err)
}
