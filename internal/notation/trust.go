package notation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// The one policy statement and its stores. The reference is only parsed: real ones may have a spelling that notation-go
// refuses, such as a host in brackets.
const (
	policyName    = "manifesto"
	anyone        = "*"
	policyRef     = "example.org/manifesto@"
	subjectPrefix = "x509.subject:"
)

// trustStore implements truststore.X509TrustStore with certificates in memory.
type trustStore struct {
	roots map[truststore.Type][]*x509.Certificate
}

// GetCertificates implements truststore.X509TrustStore.
func (s trustStore) GetCertificates(
	_ context.Context, storeType truststore.Type, _ string,
) ([]*x509.Certificate, error) {
	return s.roots[storeType], nil
}

// parseRoots reads certificates to trust. A signing certificate would be taken by notation-go and trusted for ever.
func parseRoots(text []byte) ([]*x509.Certificate, error) {
	roots, err := parseCertificates(text)
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if truststore.ValidateCertificates([]*x509.Certificate{root}) != nil {
			return nil, fmt.Errorf("%s is neither that of a certificate authority nor issued by itself: trust what issued it, "+
				"%q, and choose signers with trusted_identities", nameOf(root), oci.Printable(root.Issuer.String()))
		}
	}
	return roots, nil
}

// newTrust returns the store and the policy for notation-go.
func newTrust(o VerifierOptions) (trustStore, *trustpolicy.Document, error) {
	if len(o.Certificates) == 0 {
		return trustStore{}, nil, optionErrorf(optionTrusted, "there are none: without a certificate no signature counts")
	}
	roots, err := parseRoots(o.Certificates)
	if err != nil {
		return trustStore{}, nil, &OptionError{Option: optionTrusted, Err: err}
	}
	if err := checkIdentities(o.Identities); err != nil {
		return trustStore{}, nil, &OptionError{Option: optionTrustedIdentites, Err: err}
	}
	store := trustStore{roots: map[truststore.Type][]*x509.Certificate{truststore.TypeCA: roots}}
	stores := []string{string(truststore.TypeCA) + ":" + policyName}
	if len(o.TimestampCertificates) > 0 {
		authorities, err := parseRoots(o.TimestampCertificates)
		if err != nil {
			return trustStore{}, nil, &OptionError{Option: optionTimestampRoots, Err: err}
		}
		store.roots[truststore.TypeTSA] = authorities
		stores = append(stores, string(truststore.TypeTSA)+":"+policyName)
	}
	policy := &trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{{
		Name:                  policyName,
		RegistryScopes:        []string{anyone},
		SignatureVerification: o.level(),
		TrustStores:           stores,
		TrustedIdentities:     o.Identities,
	}}}
	if err := policy.Validate(); err != nil {
		return trustStore{}, nil, &OptionError{Option: optionTrustedIdentites, Err: err}
	}
	return store, policy, nil
}

// level returns which rules refuse a signature and which only report. Revocation fails closed at either level.
func (o VerifierOptions) level() trustpolicy.SignatureVerification {
	level := trustpolicy.SignatureVerification{
		VerificationLevel: trustpolicy.LevelStrict.Name,
		VerifyTimestamp:   trustpolicy.OptionAlways,
		Override:          map[trustpolicy.ValidationType]trustpolicy.ValidationAction{},
	}
	if !o.CheckRevocation {
		level.Override[trustpolicy.TypeRevocation] = trustpolicy.ActionSkip
	}
	if o.Permissive {
		level.Override[trustpolicy.TypeExpiry] = trustpolicy.ActionLog
		if len(o.TimestampCertificates) == 0 { // With them, a timestamp says whether the certificate had expired.
			level.Override[trustpolicy.TypeAuthenticTimestamp] = trustpolicy.ActionLog
		}
	}
	return level
}

// checkIdentities checks identities more narrowly than notation-go, which takes kinds that never match.
func checkIdentities(identities []string) error {
	if len(identities) == 0 {
		return errors.New(`there are none: name signers as "x509.subject: C=..., ST=..., O=...", or trust all that the ` +
			`trusted certificates have issued with "*"`)
	}
	if slices.Contains(identities, anyone) {
		if len(identities) > 1 {
			return errors.New(`"*" trusts all: leave out the others, or leave out "*"`)
		}
		return nil
	}
	subjects := make([]map[string]string, len(identities))
	for i, identity := range identities {
		subject, err := parseIdentity(identity)
		if err != nil {
			return fmt.Errorf("%q: %w", identity, err)
		}
		for j, other := range subjects[:i] {
			if covers(subject, other) || covers(other, subject) {
				return fmt.Errorf("%q and %q are met by the same signers: leave out the narrower one", identities[j], identity)
			}
		}
		subjects[i] = subject
	}
	return nil
}

// covers reports whether all subjects that other fits have the attributes of subject.
func covers(subject, other map[string]string) bool {
	for attribute, value := range subject {
		if other[attribute] != value {
			return false
		}
	}
	return true
}

// parseIdentity returns the attributes of a subject, or of a part of it, by their types.
func parseIdentity(identity string) (map[string]string, error) {
	text, ok := strings.CutPrefix(identity, subjectPrefix)
	switch {
	case !ok:
		return nil, errors.New(`an identity begins with "x509.subject:"`)
	case strings.Contains(text, "=#"):
		return nil, errors.New("the Notary Project takes no values in hexadecimal (=#)")
	}
	name, err := ldap.ParseDN(text)
	if err != nil {
		return nil, fmt.Errorf("the subject must follow RFC 4514, such as C=DE, ST=Berlin, O=Example: %w", err)
	}
	subject := map[string]string{}
	for _, part := range name.RDNs {
		if len(part.Attributes) != 1 {
			return nil, errors.New("a part of the subject has several values, joined by +, which the Notary Project does " +
				"not take")
		}
		attribute := part.Attributes[0].Type
		if attribute == "S" {
			attribute = "ST"
		}
		if subject[attribute] != "" {
			return nil, fmt.Errorf("the subject has %s twice, which the Notary Project does not take", attribute)
		}
		subject[attribute] = part.Attributes[0].Value
	}
	for _, required := range []string{"C", "ST", "O"} {
		if subject[required] == "" {
			return nil, fmt.Errorf("the subject has no %s: the Notary Project demands C, ST and O, in capital letters", required)
		}
	}
	return subject, nil
}
