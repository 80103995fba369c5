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
		// the one before, and first what the first commit of a run takes besides to find and remove the signature that
		// the run before has left. verify is a verified look-up besides reading the manifesto. Where there is no API, a
		// run asks for it once.
		create, commit, first, verify int
	}{
		{kind: registrytest.Olareg, create: 5, commit: 3, first: 1, verify: 6},
		{kind: registrytest.OlaregNoReferrers, create: 9, commit: 5, first: 3, verify: 7},
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
			f.server.Reset()
			writer := f.runWith(t, signed)
			f.mustPublish(t, writer, f.typed(plain, "c"))
			first := f.requests()
			f.mustPublish(t, f.run(t), f.typed(plain, "d")) // Not signed, so the next commit finds no signature to remove.
			f.server.Reset()
			f.mustPublish(t, writer, f.typed(plain, "e"))
			f.requests()
			f.mustPublish(t, writer, f.typed(plain, "f"))
			commit := f.requests()
			f.mustPublish(t, writer, f.typed(sign, "g"))
			create := f.requests()
			for _, spent := range []struct {
				what      string
				got, want int
				requests  []string
			}{
				{"the first signed commit of a run", len(first) - len(unsigned), test.commit + test.first, first},
				{"a signed commit", len(commit) - steady(unsigned), test.commit, commit},
				{"a signed create", len(create) - len(commit), test.create, create},
			} {
				if spent.got > spent.want {
					t.Errorf("%s takes %d requests more, want %d:\n%s",
						spent.what, spent.got, spent.want, strings.Join(spent.requests, "\n"))
				}
			}

			reader := f.run(t)
			if _, err := reader.Get(context.Background(), f.key("g")); err != nil {
				t.Fatal(err)
			}
			f.server.Reset()
			demand := Demand{Verifier: alice}
			if v, err := reader.Verify(context.Background(), f.key("g"), demand); err != nil || v.Reason != nil {
				t.Fatalf("Verify = %v, %v", v.Reason, err)
			}
			if got := f.requests(); len(got) > test.verify {
				t.Errorf("a verification takes %d requests, want %d:\n%s", len(got), test.verify, strings.Join(got, "\n"))
			}
			if v, err := reader.Verify(context.Background(), f.key("g"), demand); err != nil || v.Reason != nil {
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

// steady returns how many of the requests of a run's first commit a later commit takes, too: it neither greets the
// registry nor reads the manifesto.
func steady(first []string) int {
	n := 0
	for _, request := range first {
		if !strings.HasPrefix(request, "GET ") {
			n++
		}
	}
	return n
}
