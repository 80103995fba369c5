package notation_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
		t.Run(mediaType, func(t *testing.T) {
			t.Parallel()
			w, tsa := newWorld(t), notationtest.NewTSA(t)
			signer, err := notation.NewSigner(t.Context(), notation.SignerOptions{
				PrivateKey: w.identity.KeyPEM(t), CertificateChain: w.identity.ChainPEM(), Envelope: mediaType,
				TimestampURL: tsa.URL, TimestampCertificates: tsa.Roots, Client: http.DefaultClient,
			})
			if err != nil {
				t.Fatal(err)
			}
			if tsa.Asked() != 0 {
				t.Error("the trial signature asked for a timestamp")
			}
			at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
			tsa.SetTime(at)
			made, err := signer.Sign(t.Context(), w.target)
			if err != nil {
				t.Fatal(err)
			}
			if !made.Timestamped || !made.SignedAt.Equal(at) {
				t.Errorf("%+v, want a timestamp of %s", made.Claims, at)
			}
			w.store.Attach(t, made, w.target)
			verdict := w.verify(t, func(o *notation.VerifierOptions) { o.TimestampCertificates = tsa.Roots })
			if err := verdict.Err("x"); err != nil || verdict.Good.Claims != made.Claims {
				t.Errorf("%v, %+v", err, verdict.Good)
			}
			verdict = w.verify(t, nil) // It does not look at timestamps.
			if err := verdict.Err("x"); err != nil || verdict.Good.Timestamped || verdict.Good.SignedAt.Equal(at) {
				t.Errorf("%v, %+v", err, verdict.Good)
			}
			other := notationtest.NewTSA(t)
			verdict = w.verify(t, func(o *notation.VerifierOptions) { o.TimestampCertificates = other.Roots })
			if err := verdict.Err("x"); err == nil || !strings.Contains(err.Error(), "its timestamp") {
				t.Errorf("%v, want that the timestamp is refused", err)
			}
		})
	}
}

// TestTimestampOutlivesCertificate signs with a certificate that was valid when the authority confirmed the time.
func TestTimestampOutlivesCertificate(t *testing.T) {
	t.Parallel()
	w, tsa := newWorld(t), notationtest.NewTSA(t)
	expired := w.authority.Issue(t, "signer", notationtest.Expired)
	for name, test := range map[string]struct {
		at         time.Time
		permissive bool
		want       string
	}{
		"before its end":            {at: time.Now().Add(-48 * time.Hour)},
		"after its end":             {at: time.Now().Add(-time.Hour), want: "its timestamp"},
		"after its end, permissive": {at: time.Now().Add(-time.Hour), permissive: true, want: "its timestamp"},
	} {
		t.Run(name, func(t *testing.T) { // They set the time of one authority.
			tsa.SetTime(test.at)
			alone := world{authority: w.authority, store: &notationtest.Store{}, target: w.target}
			request := notationtest.Request{SignedAt: time.Now().Add(-48 * time.Hour), TSA: tsa}
			alone.store.Attach(t, request.Sign(t, expired, w.target), w.target)
			verdict := alone.verify(t, func(o *notation.VerifierOptions) {
				o.TimestampCertificates, o.Permissive = tsa.Roots, test.permissive
			})
			err := verdict.Err("x")
			if test.want == "" && err != nil || test.want != "" && !strings.Contains(errorText(err), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestTimestampMissing(t *testing.T) {
	t.Parallel()
	w, tsa := newWorld(t), notationtest.NewTSA(t)
	w.sign(t)
	for _, permissive := range []bool{false, true} {
		verdict := w.verify(t, func(o *notation.VerifierOptions) {
			o.TimestampCertificates, o.Permissive = tsa.Roots, permissive
		})
		if err := verdict.Err("x"); err == nil || !strings.Contains(err.Error(), "its timestamp") {
			t.Errorf("%v, want that a timestamp is missing", err)
		}
	}
}

func TestTimestampRefused(t *testing.T) {
	t.Parallel()
	w, tsa := newWorld(t), notationtest.NewTSA(t)
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	for name, test := range map[string]struct {
		url  string
		root []byte
	}{
		"down":         {down.URL, tsa.Roots},
		"foreign root": {tsa.URL, w.authority.RootPEM()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := notation.NewSigner(t.Context(), notation.SignerOptions{
				PrivateKey: w.identity.KeyPEM(t), CertificateChain: w.identity.ChainPEM(),
				TimestampURL: test.url, TimestampCertificates: test.root,
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = signer.Sign(t.Context(), w.target); !strings.Contains(errorText(err), "timestamp_url") {
				t.Errorf("%v, want that there is no timestamp", err)
			}
		})
	}
}
