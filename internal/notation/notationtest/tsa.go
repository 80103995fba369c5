package notationtest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/notaryproject/tspclient-go"
)

// Object identifiers of RFC 3161, RFC 5035, RFC 5652 and RFC 5758.
var (
	oidSHA256               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSAWithSHA256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidSignedData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidTSTInfo              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage          = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidTimeStamping         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidPolicy               = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1} // Of the number for examples (RFC 5612).
)

// TSA is a time stamping authority (RFC 3161) on the loopback device.
type TSA struct {
	// URL is where it answers.
	URL string
	// Roots are its root certificate, in PEM.
	Roots []byte
	// Extra is a certificate in DER that its answers have besides. It is set before the first request.
	Extra []byte

	signer pair
	mu     sync.Mutex
	at     time.Time
	asked  int
}

// NewTSA starts an authority, which ends with the test.
func NewTSA(tb testing.TB) *TSA {
	tb.Helper()
	usages, err := asn1.Marshal([]asn1.ObjectIdentifier{oidTimeStamping})
	if err != nil {
		tb.Fatal(err)
	}
	root := issue(tb, authorityTemplate("tsa root"), newKey(tb), nil)
	leaf := &x509.Certificate{
		Subject: Subject("tsa"), NotBefore: root.certificate.NotBefore, NotAfter: root.certificate.NotAfter,
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: usages}},
	}
	tsa := &TSA{Roots: PEM(root.certificate), signer: issue(tb, leaf, newKey(tb), &root)}
	server := httptest.NewServer(tsa)
	tb.Cleanup(server.Close)
	tsa.URL = server.URL
	return tsa
}

// SetTime makes the authority confirm a time in the place of now.
func (t *TSA) SetTime(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = at
}

// Asked returns the number of timestamps that were asked for.
func (t *TSA) Asked() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// ServeHTTP implements http.Handler.
func (t *TSA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	var request tspclient.Request
	if err == nil {
		err = request.UnmarshalBinary(body)
	}
	var answer []byte
	if err == nil {
		answer, err = t.answer(&request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", tspclient.MediaTypeTimestampReply)
	_, _ = w.Write(answer)
}

// time counts a request, and returns the time to confirm.
func (t *TSA) time() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.at.IsZero() {
		return time.Now()
	}
	return t.at
}

// answer returns a response with a token.
func (t *TSA) answer(request *tspclient.Request) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	info, err := asn1.Marshal(tspclient.TSTInfo{
		Version: 1, Policy: oidPolicy, MessageImprint: request.MessageImprint, SerialNumber: serial,
		GenTime: t.time().UTC().Truncate(time.Second), Accuracy: tspclient.Accuracy{Seconds: 1}, Nonce: request.Nonce,
	})
	if err != nil {
		return nil, err
	}
	token, err := t.signer.signedData(info, t.Extra)
	if err != nil {
		return nil, err
	}
	response := tspclient.Response{TimestampToken: asn1.RawValue{FullBytes: token}}
	return response.MarshalBinary()
}

// Parts of CMS (RFC 5652), as far as a timestamp has them.
type (
	cmsContentInfo struct {
		ContentType asn1.ObjectIdentifier
		Content     cmsSignedData `asn1:"explicit,tag:0"`
	}
	cmsSignedData struct {
		Version          int
		DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
		Encapsulated     cmsEncapsulated
		Certificates     asn1.RawValue   `asn1:"optional,tag:0"`
		SignerInfos      []cmsSignerInfo `asn1:"set"`
	}
	cmsEncapsulated struct {
		ContentType asn1.ObjectIdentifier
		Content     []byte `asn1:"explicit,tag:0"`
	}
	cmsSignerInfo struct {
		Version            int
		Signer             cmsSigner
		DigestAlgorithm    pkix.AlgorithmIdentifier
		SignedAttributes   []cmsAttribute `asn1:"set,tag:0"`
		SignatureAlgorithm pkix.AlgorithmIdentifier
		Signature          []byte
	}
	cmsSigner struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	cmsAttribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue
	}
	signingCertificateV2 struct{ Certificates []certificateID }
	certificateID        struct{ Hash []byte }
)

// signedData returns signed content of a timestamp, with its certificate and an extra one.
func (p pair) signedData(content, extra []byte) ([]byte, error) {
	digest, certificate := sha256.Sum256(content), sha256.Sum256(p.certificate.Raw)
	attributes := make([]cmsAttribute, 0, 3)
	for _, attribute := range []struct {
		kind  asn1.ObjectIdentifier
		value any
	}{
		{oidContentType, oidTSTInfo},
		{oidMessageDigest, digest[:]},
		{oidSigningCertificateV2, signingCertificateV2{[]certificateID{{certificate[:]}}}},
	} {
		value, err := asn1.Marshal(attribute.value)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, cmsAttribute{
			Type:   attribute.kind,
			Values: asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: value},
		})
	}
	signed, err := asn1.MarshalWithParams(attributes, "set")
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(signed)
	made, err := p.key.Sign(rand.Reader, hash[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(cmsContentInfo{ContentType: oidSignedData, Content: cmsSignedData{
		Version:          3,
		DigestAlgorithms: []pkix.AlgorithmIdentifier{{Algorithm: oidSHA256}},
		Encapsulated:     cmsEncapsulated{ContentType: oidTSTInfo, Content: content},
		Certificates: asn1.RawValue{
			Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: slices.Concat(p.certificate.Raw, extra),
		},
		SignerInfos: []cmsSignerInfo{{
			Version:            1,
			Signer:             cmsSigner{asn1.RawValue{FullBytes: p.certificate.RawIssuer}, p.certificate.SerialNumber},
			DigestAlgorithm:    pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
			SignedAttributes:   attributes,
			SignatureAlgorithm: pkix.AlgorithmIdentifier{Algorithm: oidECDSAWithSHA256},
			Signature:          made,
		}},
	}})
}
