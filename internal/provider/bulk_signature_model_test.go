package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func signedFor(signed, expires time.Time) signing.Found {
	return signing.Found{Claims: signing.Claims{Signer: "CN=release", SignedAt: signed, ExpiresAt: expires}}
}

func TestFirstToEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later := now.Add(time.Hour)
	for name, test := range map[string]struct{ x, y, want signing.Found }{
		"none":              {},
		"one":               {x: signedFor(now, later), want: signedFor(now, later)},
		"both expire":       {signedFor(now, later), signedFor(later, now), signedFor(later, now)},
		"one expires":       {signedFor(now, time.Time{}), signedFor(later, later), signedFor(later, later)},
		"none expires":      {signedFor(later, time.Time{}), signedFor(now, time.Time{}), signedFor(now, time.Time{})},
		"expire at a time":  {signedFor(later, later), signedFor(now, later), signedFor(now, later)},
		"equal in all ways": {signedFor(now, later), signedFor(now, later), signedFor(now, later)},
	} {
		if got := firstToEnd(test.x, test.y); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got.Claims, test.want.Claims)
		}
		if got := firstToEnd(test.y, test.x); got != test.want {
			t.Errorf("%s, the other way round: %+v, want %+v", name, got.Claims, test.want.Claims)
		}
	}
}

// What is known of signatures stays in the plan while nothing is to be signed.
func TestBulkSignaturePlan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	signed := func(edit func(*bulkSignatureModel)) *bulkSignatureModel {
		state := &bulkSignatureModel{Attached: types.BoolValue(true), Signed: types.BoolValue(true)}
		state.setFirst(signedFor(now.Add(-time.Hour), now.Add(time.Hour)))
		if edit != nil {
			edit(state)
		}
		return state
	}
	for name, test := range map[string]struct {
		state        *bulkSignatureModel
		sign         types.Bool
		keepsAll     bool
		signed       types.Bool
		keeps, plans bool
	}{
		"new":        {sign: types.BoolValue(true), signed: types.BoolValue(true), plans: true},
		"unsigned":   {state: signed(nil), sign: types.BoolValue(false), signed: types.BoolNull()},
		"by default": {state: signed(nil), sign: types.BoolNull(), signed: types.BoolNull()},
		"unknown":    {state: signed(nil), sign: types.BoolUnknown(), signed: types.BoolUnknown(), plans: true},
		"unchanged": {
			state: signed(nil), sign: types.BoolValue(true), keepsAll: true, signed: types.BoolValue(true), keeps: true,
		},
		"changed": {state: signed(nil), sign: types.BoolValue(true), signed: types.BoolValue(true), plans: true},
		"lost": {
			state: signed(func(m *bulkSignatureModel) { m.Signed = types.BoolValue(false) }),
			sign:  types.BoolValue(true), keepsAll: true, signed: types.BoolValue(true), plans: true,
		},
		"due": {
			state: signed(func(m *bulkSignatureModel) { m.setFirst(signedFor(now.Add(-time.Hour), now.Add(time.Minute))) }),
			sign:  types.BoolValue(true), keepsAll: true, signed: types.BoolValue(true), plans: true,
		},
	} {
		plan := &bulkSignatureModel{Sign: test.sign}
		p := bulkSignaturePlanner{data: &providerData{}, plan: plan, state: test.state, keepsAll: test.keepsAll, now: now}
		p.run()
		if !plan.Signed.Equal(test.signed) || plan.SignedAt.IsUnknown() != test.plans ||
			(!plan.SignedAt.IsNull() && !plan.SignedAt.IsUnknown()) != test.keeps {
			t.Errorf("%s: %+v", name, *plan)
		}
	}
}

// Without verification, the state says whether all signatures are to be made anew.
func TestBulkSignaturesThatAreDue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, test := range map[string]struct {
		signed, attached bool
		expires          time.Time
		artifact         bool
		holds            bool
	}{
		"holds":                     {signed: true, attached: true, expires: now.Add(time.Hour), holds: true},
		"due":                       {signed: true, attached: true, expires: now.Add(time.Minute)},
		"found wrong before":        {attached: true, expires: now.Add(time.Hour)},
		"others are not attached":   {expires: now.Add(time.Hour), holds: true},
		"its artifact is not there": {expires: now.Add(time.Hour), artifact: true},
	} {
		s := bulkSignatures{signs: true}
		s.before.Signed, s.before.Attached = types.BoolValue(test.signed), types.BoolValue(test.attached)
		s.before.setFirst(signedFor(now.Add(-time.Hour), test.expires))
		need := bulkNeed{artifact: test.artifact}
		s.lookAtSignature(manifesto.Located{}, &need, now)
		if need.holds() != test.holds {
			t.Errorf("%s: %+v", name, need)
		}
	}
}

// A piece that is not in the verified manifesto, or another one there, does not count as signed.
func TestLookAtSignatureOfAnotherVersion(t *testing.T) {
	t.Parallel()
	signed := format.Artifact{Digest: oci.DigestOf([]byte("signed")), Type: "application/x-a"}
	other := format.Artifact{Digest: oci.DigestOf([]byte("other")), Type: "application/x-a"}
	key := manifesto.Key{Type: "t"}
	for name, test := range map[string]struct {
		pieces map[manifesto.Key]manifesto.Verified
		holds  bool
	}{
		"the same": {map[manifesto.Key]manifesto.Verified{key: {Entry: format.Entry{Artifact: signed}}}, true},
		"missing":  {},
		"another":  {map[manifesto.Key]manifesto.Verified{key: {Entry: format.Entry{Artifact: other}}}, false},
	} {
		s := bulkSignatures{signs: true, verified: true, pieces: test.pieces}
		var need bulkNeed
		piece := manifesto.Piece{Entry: format.Entry{Artifact: signed}}
		s.lookAtSignature(manifesto.Located{Key: key, Piece: piece}, &need, time.Now())
		if need.holds() != test.holds || (need.reason == nil) != test.holds {
			t.Errorf("%s: %+v", name, need)
		}
	}
}
