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
