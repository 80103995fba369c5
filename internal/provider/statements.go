package provider

import (
	"slices"
	"strings"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// statement is what a bulk resource decides about: all entries of a repository that a filter selects.
type statement struct {
	repository oci.Repository
	filter     manifesto.Filter
}

// statements remembers which statements this run creates or updates, in order to find two resources that make the same
// one: each would remove the entries that only the other declares. Terraform changes a resource once between two
// refreshes. Resources that name one image by different references may make a statement together, if it is the same
// for both. The zero value is empty. It is safe for concurrent use.
type statements struct {
	mu     sync.Mutex
	claims map[statement]*statementClaim
}

// statementClaim is what this run stores for a statement.
type statementClaim struct {
	content oci.Digest
	// stored says for each reference that makes or has made the statement whether that is stored.
	stored map[string]bool
}

// claim reserves a statement with some content for a creation or an update through a reference, which may be empty.
// False means that another one of this run has reserved it, through the same reference or with other content.
func (s *statements) claim(of statement, reference string, content oci.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.claims[of]
	if !ok {
		if s.claims == nil {
			s.claims = map[statement]*statementClaim{}
		}
		known = &statementClaim{content: content, stored: map[string]bool{}}
		s.claims[of] = known
	}
	if _, again := known.stored[reference]; again || known.content != content {
		return false
	}
	known.stored[reference] = false
	return true
}

// settle ends a creation or an update that has a claim. One that has failed gives up the claim, so that it can be tried
// again.
func (s *statements) settle(of statement, reference string, stored bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch known, ok := s.claims[of]; {
	case !ok:
	case stored:
		known.stored[reference] = true
	default:
		s.drop(of, reference)
	}
}

// refreshed forgets what is stored of a statement. Terraform refreshes a resource before it changes it once more in one
// process, as tests with several runs do.
func (s *statements) refreshed(of statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.claims[of]
	if !ok {
		return
	}
	for reference, stored := range known.stored {
		if stored {
			s.drop(of, reference)
		}
	}
}

// drop removes a claim. The caller holds mu.
func (s *statements) drop(of statement, reference string) {
	if delete(s.claims[of].stored, reference); len(s.claims[of].stored) == 0 {
		delete(s.claims, of)
	}
}

// contentOf returns a digest of what a statement says: which entries there are, and with what content.
func contentOf(entries []bulkEntry) oci.Digest {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(x, y bulkEntry) int { return compareKeys(x.key, y.key) })
	var text strings.Builder
	for _, entry := range entries {
		for _, part := range []string{entry.key.Image.String(), entry.key.Type, entry.digest.String()} {
			text.WriteString(part + "\x00")
		}
	}
	return oci.DigestOf([]byte(text.String()))
}
