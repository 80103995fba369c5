package notation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/crl"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"
	nverifier "github.com/notaryproject/notation-go/verifier"
)

// revocationTimeout bounds a request about revocation if the given client does not.
const revocationTimeout = 5 * time.Second

// revocation returns what asks whether certificates are revoked.
func (o VerifierOptions) revocation() (nverifier.VerifierOptions, error) {
	if !o.CheckRevocation {
		return nverifier.VerifierOptions{
			RevocationCodeSigningValidator: notAsked{}, RevocationTimestampingValidator: notAsked{},
		}, nil
	}
	client := withTimeout(o.Client, revocationTimeout)
	signers, err := newAskedOnce(client, purpose.CodeSigning)
	if err != nil {
		return nverifier.VerifierOptions{}, err
	}
	authorities, err := newAskedOnce(client, purpose.Timestamping)
	if err != nil {
		return nverifier.VerifierOptions{}, err
	}
	return nverifier.VerifierOptions{
		RevocationCodeSigningValidator: signers, RevocationTimestampingValidator: authorities,
	}, nil
}

// notAsked implements revocation.Validator without asking: notation-go would ask about time stamping authorities even
// where the policy skips revocation.
type notAsked struct{}

// ValidateContext implements revocation.Validator.
func (notAsked) ValidateContext(
	_ context.Context, o revocation.ValidateContextOptions,
) ([]*result.CertRevocationResult, error) {
	results := make([]*result.CertRevocationResult, len(o.CertChain))
	for i := range results {
		results[i] = &result.CertRevocationResult{Result: result.ResultNonRevokable}
	}
	return results, nil
}

// askedOnce implements revocation.Validator. It asks once per chain, because a server that hangs costs seconds.
type askedOnce struct {
	validator revocation.Validator

	mu     sync.Mutex
	chains map[[sha256.Size]byte]*answer
}

// answer is what is known of a chain. The channel has one token: who holds it may ask.
type answer struct {
	token   chan struct{}
	known   bool
	results []*result.CertRevocationResult
	err     error
}

func newAskedOnce(client *http.Client, chainPurpose purpose.Purpose) (*askedOnce, error) {
	fetcher, err := crl.NewHTTPFetcher(client)
	if err != nil {
		return nil, err
	}
	validator, err := revocation.NewWithOptions(revocation.Options{
		OCSPHTTPClient: client, CRLFetcher: fetcher, CertChainPurpose: chainPurpose,
	})
	if err != nil {
		return nil, err
	}
	return &askedOnce{validator: validator, chains: map[[sha256.Size]byte]*answer{}}, nil
}

// ValidateContext implements revocation.Validator.
func (a *askedOnce) ValidateContext(
	ctx context.Context, o revocation.ValidateContextOptions,
) ([]*result.CertRevocationResult, error) {
	known := a.answerFor(o.CertChain)
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-known.token:
	}
	defer func() { known.token <- struct{}{} }()
	if !known.known {
		results, err := a.validator.ValidateContext(ctx, o)
		if ctx.Err() != nil { // It says nothing about the chain.
			return nil, context.Cause(ctx)
		}
		known.results, known.err, known.known = results, err, true
	}
	return known.results, known.err
}

func (a *askedOnce) answerFor(chain []*x509.Certificate) *answer {
	hash := sha256.New()
	for _, certificate := range chain {
		digest := sha256.Sum256(certificate.Raw)
		hash.Write(digest[:])
	}
	key := [sha256.Size]byte(hash.Sum(nil))
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.chains[key] == nil {
		a.chains[key] = &answer{token: make(chan struct{}, 1)}
		a.chains[key].token <- struct{}{}
	}
	return a.chains[key]
}
