package notation_test

import (
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// FuzzEnvelope verifies bytes that somebody has attached as a signature. No change of a good one may count unless it is
// the same signature of the same target.
func FuzzEnvelope(f *testing.F) {
	authority := notationtest.NewAuthority(f, "ours")
	identity, target := authority.Issue(f, "signer"), notationtest.Target("a manifest")
	for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
		f.Add(notationtest.Request{MediaType: mediaType}.Sign(f, identity, target).Envelope)
		f.Add(notationtest.Request{MediaType: mediaType}.Sign(f, identity, notationtest.Target("another")).Envelope)
	}
	f.Add([]byte(`{"header":{"x5c":[null]},"payload":"","protected":"","signature":""}`))
	f.Add([]byte("\xd2\x84\x40\xa0\xf6\x40"))
	verifier := notationtest.NewVerifier(f, authority)
	f.Fuzz(func(t *testing.T, envelope []byte) {
		for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
			store := &notationtest.Store{}
			store.Attach(t, signing.Signature{MediaType: mediaType, Envelope: envelope}, target)
			verdict, err := verifier.Verify(t.Context(), store, target)
			if err != nil {
				t.Fatal(err)
			}
			if verdict.Good != nil && verdict.Good.Signer != identity.Chain[0].Subject.String() {
				t.Fatalf("%+v counts", verdict.Good)
			}
			_ = verdict.Err("x")
		}
	})
}
