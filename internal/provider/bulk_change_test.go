package provider

import (
	"fmt"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func bulkKey(image string) manifesto.Key {
	return manifesto.Key{Image: oci.DigestOf([]byte(image)), Type: "t"}
}

func TestBulkUpdate(t *testing.T) {
	t.Parallel()
	key, digest := bulkKey("image"), oci.DigestOf([]byte("x"))
	entry := bulkEntry{key: key, reference: "1", content: []byte("x"), digest: digest, mediaType: "text/x"}
	for name, test := range map[string]struct {
		held bulkHeld
		put  *manifesto.Put
	}{
		"unchanged": {bulkHeld{reference: "1", digest: digest}, nil},
		"content": {
			bulkHeld{reference: "1", digest: "sha256:old"},
			&manifesto.Put{Content: []byte("x"), Reference: "1", Expected: "sha256:old"},
		},
		"reference": {
			bulkHeld{reference: "2", digest: digest},
			&manifesto.Put{Reference: "1", Previous: "2", Expected: digest},
		},
		"media type": {
			bulkHeld{reference: "1", digest: digest, stale: true}, &manifesto.Put{Reference: "1", Expected: digest},
		},
		"lost": {
			bulkHeld{reference: "1", digest: digest, repair: true},
			&manifesto.Put{Content: []byte("x"), Reference: "1", Expected: digest, Repair: true},
		},
	} {
		change := bulkUpdate([]bulkEntry{entry}, map[manifesto.Key]bulkHeld{key: test.held})
		var want bulkChange
		if test.put != nil {
			test.put.Key, test.put.MediaType, test.put.Update = key, "text/x", true
			want.puts = []manifesto.Put{*test.put}
		}
		if fmt.Sprintf("%+v", change) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s:\n%+v, want\n%+v", name, change, want)
		}
	}
}

// What the state has and the configuration does not is removed: in an update whoever declares it, in a destruction only
// unless others do.
func TestBulkRemovals(t *testing.T) {
	t.Parallel()
	kept, gone := bulkKey("kept"), bulkKey("gone")
	held := map[manifesto.Key]bulkHeld{
		kept: {reference: "1", digest: "sha256:a"}, gone: {reference: "2", digest: "sha256:b"},
	}
	change := bulkUpdate([]bulkEntry{{key: kept, reference: "1", digest: "sha256:a"}}, held)
	want := manifesto.Removal{Key: gone, Expected: "sha256:b", Reference: "2", All: true}
	if len(change.puts) != 0 || len(change.removals) != 1 || change.removals[0] != want {
		t.Errorf("%+v, want only %+v", change, want)
	}
	change = bulkDestroy(held)
	if len(change.puts) != 0 || len(change.removals) != 2 {
		t.Fatalf("%+v, want two removals", change)
	}
	for _, removal := range change.removals {
		if removal.All || removal.Reference != held[removal.Key].reference || removal.Expected != held[removal.Key].digest {
			t.Errorf("%+v does not remove %+v", removal, held[removal.Key])
		}
	}
}

func TestMeetBulk(t *testing.T) {
	t.Parallel()
	entries := []bulkEntry{
		{key: bulkKey("equal"), digest: "sha256:a"}, {key: bulkKey("different"), digest: "sha256:b"},
		{key: bulkKey("not known yet")}, {key: bulkKey("new"), digest: "sha256:c"},
	}
	var found []bulkFound
	for _, image := range []string{"equal", "different", "not known yet", "foreign"} {
		found = append(found, bulkFound{bulkKey(image), format.Entry{Type: "t", Digest: "sha256:a"}})
	}
	meeting := meetBulk(entries, found)
	if len(meeting.equal) != 1 || len(meeting.different) != 2 || len(meeting.foreign) != 1 {
		t.Errorf("%+v", meeting)
	}
	change := meeting.change(entries, true)
	if len(change.puts) != len(entries) || len(change.removals) != 1 || change.removals[0].Key != bulkKey("foreign") {
		t.Errorf("%+v", change)
	}
}
