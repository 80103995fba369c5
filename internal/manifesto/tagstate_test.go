package manifesto

import (
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestTagStateRemembersTheLastVersion(t *testing.T) {
	var state tagState
	one, two := &version{digest: dig("1")}, &version{digest: dig("2")}
	if state.current() != nil || !state.lastSeen(one).IsZero() {
		t.Error("the zero value has seen a version")
	}
	began := time.Unix(1, 0)
	if got := state.first(one, began); got != one || state.current() != one || !state.lastSeen(one).Equal(began) {
		t.Errorf("after the first read: %v, seen at %s", state.current(), state.lastSeen(one))
	}
	if got := state.first(two, began.Add(time.Second)); got != one || !state.lastSeen(one).Equal(began) {
		t.Errorf("a second reader replaces the version by %v", got)
	}
	state.stands(two, began.Add(time.Second))
	if !state.lastSeen(one).Equal(began) || !state.lastSeen(two).IsZero() {
		t.Error("a look at another version counts")
	}
	state.stands(one, began.Add(time.Second))
	if want := began.Add(time.Second); !state.lastSeen(one).Equal(want) {
		t.Errorf("seen at %s, want %s", state.lastSeen(one), want)
	}
	if state.show(two, began.Add(2*time.Second)); !state.lastSeen(one).IsZero() {
		t.Error("a look at the version before counts for the current one")
	}
}

func TestTagStateRemembersReplacedVersions(t *testing.T) {
	var state tagState
	one, two := &version{digest: dig("1")}, &version{digest: dig("2")}
	replaced := func(digest oci.Digest) bool {
		_, replaced := state.predates(digest, two)
		return replaced
	}
	state.show(one, time.Unix(1, 0))
	state.show(one, time.Unix(2, 0))
	if replaced(one.digest) {
		t.Error("a version that is seen twice counts as replaced")
	}
	state.show(two, time.Unix(3, 0))
	if !replaced(one.digest) || replaced(two.digest) {
		t.Error("the version before is not replaced, or the current one is")
	}
	state.show(one, time.Unix(4, 0)) // The tag has gone back.
	if replaced(one.digest) || !replaced(two.digest) {
		t.Error("a version that has come back counts as replaced")
	}
	state.lost(&version{digest: dig("3")})
	if !replaced(dig("3")) {
		t.Error("a lost version of ours is not replaced")
	}
}

func TestTagStateKnowsAncestors(t *testing.T) {
	var state tagState
	v := &version{digest: dig("3"), Header: format.Header{Ancestors: []oci.Digest{dig("2"), dig("1")}}}
	if ancestor, replaced := state.predates(dig("1"), v); !ancestor || replaced {
		t.Errorf("an ancestor: %t, replaced: %t", ancestor, replaced)
	}
	if ancestor, replaced := state.predates(dig("4"), v); ancestor || replaced {
		t.Errorf("an unknown digest is an ancestor: %t, replaced: %t", ancestor, replaced)
	}
}
