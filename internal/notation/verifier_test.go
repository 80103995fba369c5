package notation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// world is an authority with a signer, and a manifest to sign.
type world struct {
	authority *notationtest.Authority
	identity  notationtest.Identity
	store     *notationtest.Store
	target    oci.Descriptor
}

func newWorld(t *testing.T) world {
	t.Helper()
	authority := notationtest.NewAuthority(t, "ours")
	return world{
		authority: authority, identity: authority.Issue(t, "signer"),
		store: &notationtest.Store{}, target: notationtest.Target("a manifest"),
	}
}

// sign attaches a good signature.
func (w world) sign(t *testing.T) oci.Digest {
	t.Helper()
	made, err := notationtest.NewSigner(t, w.identity).Sign(t.Context(), w.target)
	if err != nil {
		t.Fatal(err)
	}
	return w.store.Attach(t, made, w.target)
}

// verify verifies with the options of w, changed by edit.
func (w world) verify(t *testing.T, edit func(*notation.VerifierOptions)) signing.Verdict {
	t.Helper()
	options := notation.VerifierOptions{
		Certificates: w.authority.RootPEM(), Identities: []string{notationtest.TrustedIdentity},
	}
	if edit != nil {
		edit(&options)
	}
	verifier, err := notation.NewVerifier(options)
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := verifier.Verify(t.Context(), w.store, w.target)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

func TestVerifyGoodSignature(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{"", signing.MediaTypeJWS, signing.MediaTypeCOSE} {
		t.Run(mediaType, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := time.Now().Truncate(time.Second)
			signer, err := notation.NewSigner(t.Context(), notation.SignerOptions{
				PrivateKey: w.identity.KeyPEM(t), CertificateChain: w.identity.ChainPEM(),
				Envelope: mediaType, Expiry: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			made, err := signer.Sign(t.Context(), w.target)
			if err != nil {
				t.Fatal(err)
			}
			digest := w.store.Attach(t, made, w.target)
			verdict := w.verify(t, nil)
			if err := verdict.Err("the manifest"); err != nil {
				t.Fatal(err)
			}
			good := *verdict.Good
			if good.Claims != made.Claims || good.Digest != digest || good.Expired() || good.Timestamped {
				t.Errorf("found %+v, want the claims of %+v", good, made.Claims)
			}
			if want := "CN=signer,O=Example,ST=Berlin,C=DE"; good.Signer != want {
				t.Errorf("signer %q, want %q", good.Signer, want)
			}
			if good.SignedAt.Before(before) || !good.ExpiresAt.Equal(good.SignedAt.Add(time.Hour)) {
				t.Errorf("signed at %s, expires at %s", good.SignedAt, good.ExpiresAt)
			}
			if want := []string{"referrers", "manifest", "blob"}; !slices.Equal(w.store.Requests(), want) {
				t.Errorf("requests are not %q", want)
			}
		})
	}
}

func TestVerifyUnsigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.AttachManifest(
		oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`)), w.target.Digest, "application/spdx+json")
	verdict := w.verify(t, nil)
	if err := verdict.Err("the manifest"); !errors.Is(err, signing.ErrUnsigned) {
		t.Errorf("%v, want %v", err, signing.ErrUnsigned)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	foreign := notationtest.NewAuthority(t, "theirs")
	day := 24 * time.Hour
	tests := map[string]struct {
		request  notationtest.Request
		identity func(t *testing.T, w world) notationtest.Identity
		target   string // What is signed in the place of the target.
		edit     func(*notation.VerifierOptions)
		want     string
	}{
		"foreign authority": {
			identity: func(t *testing.T, _ world) notationtest.Identity { return foreign.Issue(t, "mallory") },
			want:     "none of its certificates is in trusted_certificates",
		},
		"other identity": {
			edit: func(o *notation.VerifierOptions) { o.Identities = []string{"x509.subject: C=DE, ST=Berlin, O=Other"} },
			want: "its signer is none of trusted_identities",
		},
		"subject without organization": {
			identity: func(t *testing.T, w world) notationtest.Identity {
				subject := notationtest.Subject("signer")
				subject.Organization = nil
				return w.authority.Issue(t, "signer", notationtest.Named(subject))
			},
			want: "its signer is none of trusted_identities",
		},
		"expired": {
			request: notationtest.Request{SignedAt: time.Now().Add(-day), ExpiresAt: time.Now().Add(-time.Hour)},
			want:    "it has expired at",
		},
		"expired certificate": {
			request: notationtest.Request{SignedAt: time.Now().Add(-2 * day)},
			identity: func(t *testing.T, w world) notationtest.Identity {
				return w.authority.Issue(t, "signer", notationtest.Expired)
			},
			want: "has expired: issue a new one",
		},
		"certificate that is not yet valid": {
			request: notationtest.Request{SignedAt: time.Now().Add(2 * day)},
			identity: func(t *testing.T, w world) notationtest.Identity {
				return w.authority.Issue(t, "signer", notationtest.NotYetValid)
			},
			want: "is not yet valid",
		},
		"permissive, certificate that is not yet valid": {
			request: notationtest.Request{SignedAt: time.Now().Add(2 * day)},
			identity: func(t *testing.T, w world) notationtest.Identity {
				return w.authority.Issue(t, "signer", notationtest.NotYetValid)
			},
			edit: func(o *notation.VerifierOptions) { o.Permissive = true },
			want: "is not yet valid",
		},
		"signature of something else": {target: "another manifest", want: "it signs something else: sha256:"},
		"verification plugin": {
			request: notationtest.Request{Attributes: []signature.Attribute{
				{Key: "io.cncf.notary.verificationPlugin", Critical: true, Value: "com.example.plugin"},
			}},
			want: "it needs a verification plugin",
		},
		"unknown critical attribute": {
			request: notationtest.Request{Attributes: []signature.Attribute{
				{Key: "com.example.only-on-sundays", Critical: true, Value: "true"},
			}},
			want: "it needs a verification plugin",
		},
		"other signing scheme": {
			request: notationtest.Request{Scheme: signature.SigningSchemeX509SigningAuthority},
			want:    `only "notary.x509" is supported`,
		},
	}
	for name, test := range tests {
		for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
			t.Run(name+" "+mediaType, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				identity, signed := w.identity, w.target
				if test.identity != nil {
					identity = test.identity(t, w)
				}
				if test.target != "" {
					signed = notationtest.Target(test.target)
				}
				request := test.request
				request.MediaType = mediaType
				made := request.Sign(t, identity, signed)
				w.store.Attach(t, made, w.target)
				verdict := w.verify(t, test.edit)
				err := verdict.Err("the manifest")
				if !errors.Is(err, signing.ErrUntrusted) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("%v, want %q", err, test.want)
				}
				if !strings.Contains(err.Error(), made.Signer) ||
					!strings.Contains(err.Error(), made.SignedAt.Format(time.RFC3339)) {
					t.Errorf("%v does not name the signer %q and the time %s", err, made.Signer, made.SignedAt)
				}
			})
		}
	}
}

func TestVerifyPermissive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired := w.authority.Issue(t, "signer", notationtest.Expired)
	for name, made := range map[string]signing.Signature{
		"signature": notationtest.Request{
			SignedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(-time.Hour),
		}.Sign(t, w.identity, w.target),
		"certificate": notationtest.Request{SignedAt: time.Now().Add(-48 * time.Hour)}.Sign(t, expired, w.target),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone := world{authority: w.authority, store: &notationtest.Store{}, target: w.target}
			alone.store.Attach(t, made, w.target)
			verdict := alone.verify(t, func(o *notation.VerifierOptions) { o.Permissive = true })
			if verdict.Good == nil || !verdict.Good.Expired() {
				t.Errorf("%+v: %v", verdict.Good, verdict.Err("the manifest"))
			}
		})
	}
}

func TestVerifyErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sign(t)
	verifier := notationtest.NewVerifier(t, w.authority)
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if verdict, err := verifier.Verify(ctx, w.store, w.target); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %+v", err, verdict)
		}
	})
	for _, broken := range []string{"referrers", "manifest", "blob"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			source := failing{Source: w.store, request: broken}
			if verdict, err := verifier.Verify(t.Context(), source, w.target); !errors.Is(err, errNetwork) {
				t.Errorf("%v, %+v", err, verdict)
			}
		})
	}
}

var errNetwork = errors.New("connection reset")

// failing fails one kind of request.
type failing struct {
	signing.Source
	request string
}

func (f failing) Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	if f.request == "referrers" {
		return nil, errNetwork
	}
	return f.Source.Referrers(ctx, subject)
}

func (f failing) GetManifest(ctx context.Context, identifier string) (oci.Manifest, error) {
	if f.request == "manifest" {
		return oci.Manifest{}, errNetwork
	}
	return f.Source.GetManifest(ctx, identifier)
}

func (f failing) GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error) {
	if f.request == "blob" {
		return nil, errNetwork
	}
	return f.Source.GetBlob(ctx, digest, limit)
}
