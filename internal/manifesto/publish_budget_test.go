package manifesto

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// requests describes the requests since the last look, in their order, and forgets them.
func (f *fixture) requests() []string {
	var all []string
	for _, r := range f.server.Requests() {
		all = append(all, fmt.Sprintf("%s %s: %d", r.Method, r.Path, r.Status))
	}
	f.server.Reset()
	return all
}

// What publishing, signing and verifying cost besides content and commit: "Requests" in DESIGN.md.
func TestSigningBudget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind registrytest.Kind
		// create is for the artifact and its signature, commit for the signature of the manifesto and what becomes of
		// the one before. verify is a verified look-up besides reading the manifesto.
		create, commit, verify int
	}{
		{kind: registrytest.Olareg, create: 5, commit: 3, verify: 6},
		{kind: registrytest.OlaregNoReferrers, create: 9, commit: 5, verify: 7},
	}
	for _, test := range tests {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.kind)
			signed := Options{Signer: &pen{name: "alice"}}
			plain := Put{Content: []byte("yes")}
			sign := Put{Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
			f.mustPublish(t, f.runWith(t, signed), f.typed(sign, "first")) // Uploads what all have in common.

			f.server.Reset()
			f.mustPublish(t, f.run(t), f.typed(plain, "a"))
			unsigned := f.requests()
			f.mustPublish(t, f.runWith(t, signed), f.typed(plain, "b"))
			commit := f.requests()
			f.mustPublish(t, f.runWith(t, signed), f.typed(sign, "c"))
			create := f.requests()
			if got := len(commit) - len(unsigned); got > test.commit {
				t.Errorf("a signed commit takes %d requests more, want %d:\n%s", got, test.commit, strings.Join(commit, "\n"))
			}
			if got := len(create) - len(commit); got > test.create {
				t.Errorf("a signed create takes %d requests more, want %d:\n%s", got, test.create, strings.Join(create, "\n"))
			}

			reader := f.run(t)
			if _, err := reader.Get(context.Background(), f.key("c")); err != nil {
				t.Fatal(err)
			}
			f.server.Reset()
			demand := Demand{Verifier: alice}
			if v, err := reader.Verify(context.Background(), f.key("c"), demand); err != nil || v.Reason != nil {
				t.Fatalf("Verify = %v, %v", v.Reason, err)
			}
			if got := f.requests(); len(got) > test.verify {
				t.Errorf("a verification takes %d requests, want %d:\n%s", len(got), test.verify, strings.Join(got, "\n"))
			}
			if v, err := reader.Verify(context.Background(), f.key("c"), demand); err != nil || v.Reason != nil {
				t.Fatalf("Verify = %v, %v", v.Reason, err)
			}
			if got := f.requests(); len(got) > 0 {
				t.Errorf("the same verification again takes %q", got)
			}
		})
	}
}

// typed returns a put for the piece of a type.
func (f *fixture) typed(put Put, typ string) Put {
	put.Key = f.key(typ)
	return put
}
