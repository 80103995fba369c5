package manifesto

import (
	"context"
	"errors"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A failed create may be tried again in the same run.
func TestLedgerForgetsFailedCreates(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "t", "other")
	s := f.run(t)
	put := Put{Key: f.key("t"), Content: []byte("mine")}
	if _, err := s.Put(context.Background(), put); !errors.Is(err, ErrExists) {
		t.Fatalf("create over other content: %v", err)
	}
	put.Overwrite = true
	if _, err := s.Put(context.Background(), put); err != nil {
		t.Errorf("the second try: %v", err)
	}
}

func TestLedger(t *testing.T) {
	var l ledger
	one, two := Key{Type: "one"}, Key{Type: "two"}
	content := dig("c")
	if !l.claim(one, "stage", content) || l.claim(one, "stage", content) {
		t.Error("a key can be claimed twice through one reference, or not at all")
	}
	if !l.claim(two, "stage", dig("d")) {
		t.Error("a claim of one key prevents that of another")
	}
	if !l.claim(one, "prod", content) {
		t.Error("equal content cannot be claimed through another reference")
	}
	if l.claim(one, "test", dig("d")) {
		t.Error("other content can be claimed through another reference")
	}
	l.release(one, "stage")
	if !l.claim(one, "stage", content) {
		t.Error("a released key cannot be claimed again")
	}
	if l.wasCreated(one, "stage") {
		t.Error("a claim counts as a create")
	}
	l.committed(one, "stage", content)
	if !l.wasCreated(one, "stage") || l.wasCreated(one, "prod") || l.wasCreated(two, "stage") {
		t.Error("the committed create is not recorded, or another one is")
	}
}
