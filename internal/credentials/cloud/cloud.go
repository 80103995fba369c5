package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// searchTimeout bounds one search: a cloud's metadata server may hang.
const searchTimeout = 20 * time.Second

// life is how long a credential without a known end is kept.
const life = 5 * time.Minute

// errorLife is how long a failed search is kept: long enough for the operations of one run, short enough for a user who
// logs in meanwhile.
const errorLife = time.Minute

// Sources returns the sources of all clouds. Each matches other hosts, so their order does not matter.
func Sources() credentials.Chain {
	return sources(options{})
}

// options let tests replace the network and the timeout. The zero value is that of the program.
type options struct {
	// transport sends the requests; nil means the libraries' own transports.
	transport http.RoundTripper
	// timeout bounds one search; zero means searchTimeout.
	timeout time.Duration
}

func sources(o options) credentials.Chain {
	return credentials.Chain{newECR(o), newGoogle(o), newAzure(o), newGitHub(o)}
}

// source finds the credentials of one cloud. R has the parts of a registry that its credential depends on.
type source[R comparable] struct {
	// name names the cloud's registry for people.
	name string
	// parse reports whether a host is a registry of this cloud. It looks at the host's name only.
	parse func(host string) (R, bool)
	// search asks the cloud. Its errors are for people and hold no secret. They never wrap a library's error, which may
	// quote requests, answers and the output of programs.
	search  func(ctx context.Context, registry R) (credentials.Credential, error)
	timeout time.Duration
	cache   credentials.Cache[R]
}

func newSource[R comparable](
	name string, o options, parse func(string) (R, bool), search func(context.Context, R) (credentials.Credential, error),
) *source[R] {
	s := &source[R]{name: name, parse: parse, search: search, timeout: o.timeout}
	if s.timeout == 0 {
		s.timeout = searchTimeout
	}
	s.cache.Life, s.cache.ErrorLife = life, errorLife
	return s
}

// Find implements credentials.Source.
func (s *source[R]) Find(ctx context.Context, target credentials.Target) (credentials.Credential, error) {
	registry, ok := s.parse(strings.ToLower(target.Host))
	if !ok {
		return credentials.Credential{}, nil
	}
	return s.cache.Find(ctx, registry, func(ctx context.Context) (credentials.Credential, error) {
		found, err := s.bounded(ctx, registry)
		if err != nil {
			return credentials.Credential{}, fmt.Errorf("%w: %s: %w", credentials.ErrUnavailable, s.name, err)
		}
		return found, nil
	})
}

// String returns the name of the source.
func (s *source[R]) String() string { return s.name }

// bounded runs a search and gives up after the timeout, even where a cloud's library ignores its context.
func (s *source[R]) bounded(ctx context.Context, registry R) (credentials.Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	type answer struct {
		credential credentials.Credential
		err        error
	}
	answers := make(chan answer, 1)
	go func() {
		found, err := s.search(ctx, registry)
		answers <- answer{found, err}
	}()
	late := fmt.Errorf("%w within %s", errNoAnswer, s.timeout)
	select {
	case a := <-answers:
		if a.err != nil && ctx.Err() != nil {
			a.err = late
		}
		return a.credential, a.err
	case <-ctx.Done():
		return credentials.Credential{}, late
	}
}

// errNoAnswer: a cloud's login did not answer in time.
var errNoAnswer = errors.New("the cloud's login gave no answer")

// below returns the part of a host before a domain, which is one or more labels.
func below(host, domain string) (string, bool) {
	name, ok := strings.CutSuffix(host, "."+domain)
	if !ok {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return "", false
		}
	}
	return name, true
}

// isLabel reports whether a text is one label of a host, in lower case.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
