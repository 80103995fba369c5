package notation_test

import (
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func BenchmarkNewSigner(b *testing.B) {
	identity := notationtest.NewAuthority(b, "ours").Issue(b, "signer")
	options := notation.SignerOptions{PrivateKey: identity.KeyPEM(b), CertificateChain: identity.ChainPEM()}
	for b.Loop() {
		if _, err := notation.NewSigner(b.Context(), options); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	signer := notationtest.NewSigner(b, notationtest.NewAuthority(b, "ours").Issue(b, "signer"))
	target := notationtest.Target("x")
	for b.Loop() {
		if _, err := signer.Sign(b.Context(), target); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	authority := notationtest.NewAuthority(b, "ours")
	identity, target := authority.Issue(b, "signer"), notationtest.Target("x")
	store, verifier := &notationtest.Store{}, notationtest.NewVerifier(b, authority)
	store.Attach(b, notationtest.Request{MediaType: signing.MediaTypeJWS}.Sign(b, identity, target), target)
	for b.Loop() {
		if verdict, err := verifier.Verify(b.Context(), store, target); err != nil || verdict.Good == nil {
			b.Fatal(err, verdict.Err("x"))
		}
	}
}
