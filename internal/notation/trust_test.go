package notation_test

import (
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

func TestNewVerifierRefuses(t *testing.T) {
	t.Parallel()
	authority := notationtest.NewAuthority(t, "ours")
	leaf := authority.Issue(t, "signer")
	identities := func(identities ...string) func(*notation.VerifierOptions) {
		return func(o *notation.VerifierOptions) { o.Identities = identities }
	}
	certificates := func(text []byte) func(*notation.VerifierOptions) {
		return func(o *notation.VerifierOptions) { o.Certificates = text }
	}
	const ofIdentities, ofCertificates = "trusted_identities", "trusted_certificates"
	for name, test := range map[string]struct {
		edit         func(*notation.VerifierOptions)
		option, want string
	}{
		"good":            {func(*notation.VerifierOptions) {}, "", ""},
		"all":             {identities("*"), "", ""},
		"two identities":  {identities("x509.subject: C=DE, ST=Berlin, O=A", "x509.subject:C=DE,ST=Berlin,O=B"), "", ""},
		"S for ST":        {identities("x509.subject: C=DE, S=Berlin, O=A, CN=signer"), "", ""},
		"none":            {identities(), ofIdentities, "there are none"},
		"empty":           {identities(""), ofIdentities, `begins with "x509.subject:"`},
		"e-mail":          {identities("email:me@example.org"), ofIdentities, `begins with "x509.subject:"`},
		"no subject":      {identities("x509.subject:"), ofIdentities, "the subject has no C"},
		"no organization": {identities("x509.subject: C=DE, ST=Berlin"), ofIdentities, "the subject has no O"},
		"small letters":   {identities("x509.subject: c=DE, ST=Berlin, O=A"), ofIdentities, "the subject has no C"},
		"malformed":       {identities("x509.subject: C"), ofIdentities, "RFC 4514"},
		"joined":          {identities("x509.subject: C=DE+ST=Berlin, O=A"), ofIdentities, "several values"},
		"twice":           {identities("x509.subject: C=DE, ST=Berlin, O=A, O=B"), ofIdentities, "the subject has O twice"},
		"binary":          {identities("x509.subject: C=DE, ST=Berlin, O=#040141"), ofIdentities, "in hexadecimal"},
		"all and one":     {identities("*", "x509.subject: C=DE, ST=Berlin, O=A"), ofIdentities, `"*" trusts all`},
		"overlap": {
			identities("x509.subject: C=DE, ST=Berlin, O=A", "x509.subject: C=DE, ST=Berlin, O=A, CN=x"),
			ofIdentities, "leave out the narrower one",
		},
		"no certificates": {certificates(nil), ofCertificates, "there are none"},
		"no PEM":          {certificates([]byte("x")), ofCertificates, "it is not PEM"},
		"key":             {certificates(leaf.KeyPEM(t)), ofCertificates, `no certificate but "PRIVATE KEY"`},
		"leaf": {
			certificates(leaf.ChainPEM()), ofCertificates, "is neither that of a certificate authority nor issued by itself",
		},
		"leaf for timestamps": {
			func(o *notation.VerifierOptions) { o.TimestampCertificates = leaf.ChainPEM() },
			"timestamp_certificates", "is neither",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := notation.VerifierOptions{
				Certificates: authority.RootPEM(), Identities: []string{notationtest.TrustedIdentity},
			}
			test.edit(&options)
			_, err := notation.NewVerifier(options)
			if test.option != "" && err == nil {
				t.Fatal("no error")
			}
			checkOption(t, err, test.option, test.want)
		})
	}
}

// TestTrustTwoRoots rotates an authority: signatures of the old and of the new one count.
func TestTrustTwoRoots(t *testing.T) {
	t.Parallel()
	older, newer := notationtest.NewAuthority(t, "old"), notationtest.NewAuthority(t, "new")
	for _, authority := range []*notationtest.Authority{older, newer} {
		w := world{
			authority: authority, identity: authority.Issue(t, "signer"), store: &notationtest.Store{},
			target: notationtest.Target("x"),
		}
		w.sign(t)
		verdict := w.verify(t, func(o *notation.VerifierOptions) {
			o.Certificates = append(older.RootPEM(), newer.RootPEM()...)
		})
		if err := verdict.Err("x"); err != nil {
			t.Error(err)
		}
	}
}
