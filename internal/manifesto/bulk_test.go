package manifesto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// approvals returns creates for several images. Every second image has the same content.
func (f *fixture) approvals(t *testing.T, images int) []Put {
	t.Helper()
	var puts []Put
	for i := range images {
		key := Key{f.remote.Repository(), oci.DigestOf(fmt.Append(nil, "image ", i)), "approval"}
		content := []byte("shared")
		if i%2 == 1 {
			content = fmt.Append(nil, "content ", i)
		}
		puts = append(puts, Put{Key: key, Reference: format.DeclaredByDigest, Content: content, MediaType: "text/plain"})
	}
	return puts
}

func (f *fixture) commit(t *testing.T, s *Store, puts []Put, removals []Removal) Stored {
	t.Helper()
	stored, err := s.Commit(t.Context(), f.remote.Repository(), puts, removals)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func (f *fixture) pieces(t *testing.T, filter Filter) []Located {
	t.Helper()
	pieces, err := f.run(t).Pieces(t.Context(), f.remote.Repository(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func TestCommitOfManyIsOneCommit(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		f.mustPut(t, f.run(t), "contact", "somebody")
		puts := f.approvals(t, 9)
		f.server.Reset()
		stored := f.commit(t, f.run(t), puts, nil)
		if got := f.tagPuts(); got != 1 {
			t.Errorf("the manifesto was put %d times", got)
		}
		// Five contents, and layer and configuration of the manifesto, by POST.
		if got := f.server.Count(http.MethodPost, "/blobs/uploads/"); got != 4+1+2 {
			t.Errorf("%d blobs were uploaded", got)
		}
		for _, put := range puts {
			piece := stored.Pieces[put.Key]
			if piece.Digest != oci.DigestOf(put.Content) || piece.Size != int64(len(put.Content)) || !piece.Pinned {
				t.Errorf("%s is stored as %+v", put.Key, piece)
			}
		}
		checkPieces(t, f, puts)
	})
}

func checkPieces(t *testing.T, f *fixture, puts []Put) {
	t.Helper()
	found := f.pieces(t, Filter{Type: "approval"})
	if len(found) != len(puts) {
		t.Fatalf("%d pieces", len(found))
	}
	for i, piece := range found {
		if piece.Key != puts[i].Key || !piece.Piece.Pinned || piece.Piece.Missing {
			t.Errorf("piece %d is %+v", i, piece)
		}
	}
	if all := f.pieces(t, Filter{}); len(all) != 10 {
		t.Errorf("%d pieces in all", len(all))
	}
	if of := f.pieces(t, Filter{Image: f.image}); len(of) != 1 || of[0].Key.Type != "contact" {
		t.Errorf("the image has %+v", of)
	}
}

// A content that is gone, and one that is not pinned any more, are among the pieces.
func TestPiecesTellWhatIsLost(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.commit(t, f.run(t), f.approvals(t, 3), nil)
	here := f.blob(t, "here")
	f.write(t, fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"a","digest":"%s"},`+
		`{"type":"b","digest":"%s"},{"type":"c","digest":"nothing"}]}]}`, f.image, here, dig("e")), registrytest.Gzip)
	var got []string
	for _, located := range f.pieces(t, Filter{Image: f.image}) {
		got = append(got, fmt.Sprintf("%s %t/%t", located.Key.Type, located.Piece.Pinned, located.Piece.Missing))
	}
	if want := []string{"a false/false", "b false/true", "c false/true"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// All conflicts of a commit are reported, and nothing of it is stored.
func TestCommitIsRefusedAsAWhole(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	before := f.approvals(t, 4)
	f.commit(t, f.run(t), before, nil)
	document := f.document(t)
	changed := f.approvals(t, 6)
	changed[1].Content = []byte("another")
	changed[3].Content = []byte("another")
	s := f.run(t)
	removal := Removal{Key: before[2].Key, Expected: dig("a"), All: true}
	changed = slices.Delete(changed, 2, 3)
	_, err := s.Commit(t.Context(), f.remote.Repository(), changed, []Removal{removal})
	var keys []Key
	for _, conflict := range Conflicts(err) {
		keys = append(keys, conflict.Key)
	}
	if want := []Key{before[2].Key, before[1].Key, before[3].Key}; !slices.Equal(keys, want) {
		t.Errorf("conflicts: %v", keys)
	}
	if !errors.Is(err, ErrExists) || !errors.Is(err, ErrChanged) {
		t.Errorf("the error is %v", err)
	}
	if got := f.document(t); got != document {
		t.Errorf("the document is\n%s\nwant\n%s", got, document)
	}
	// The refused creates are not reserved.
	for i := range changed {
		changed[i].Overwrite = true
	}
	f.commit(t, s, changed, nil)
	if single := Conflicts(fmt.Errorf("context: %w", Conflicts(err)[0])); len(single) != 1 {
		t.Errorf("a wrapped conflict gives %v", single)
	}
	if other := Conflicts(errors.Join(errors.New("other"))); other != nil {
		t.Errorf("another error gives %v", other)
	}
}

func TestCommitOfContentThatCannotBeStored(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	puts := f.approvals(t, 3)
	puts[1].Content = []byte{}
	f.server.Reset()
	_, err := f.run(t).Commit(t.Context(), f.remote.Repository(), puts, nil)
	if !errors.Is(err, format.ErrEmpty) || len(f.server.Requests()) > 0 {
		t.Errorf("%v after %d requests", err, len(f.server.Requests()))
	}
}

func TestCommitOfNothing(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.server.Reset()
	if f.commit(t, f.run(t), nil, nil); len(f.server.Requests()) > 0 {
		t.Errorf("%d requests", len(f.server.Requests()))
	}
}

// Removals respect what others declare, unless they are for all of it.
func TestCommitOfRemovals(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	puts := f.approvals(t, 3)
	f.commit(t, f.run(t), puts, nil)
	for i := range puts {
		puts[i].Reference = "1.0"
	}
	f.commit(t, f.run(t), puts[:2], nil)
	var removals []Removal
	for i, put := range puts {
		removals = append(removals, Removal{
			Key: put.Key, Expected: oci.DigestOf(put.Content), Reference: format.DeclaredByDigest, All: i == 1,
		})
	}
	stored := f.commit(t, f.run(t), nil, removals)
	if got := stored.Kept[puts[0].Key]; len(stored.Kept) != 1 || !slices.Equal(got, []string{"1.0"}) {
		t.Errorf("kept: %v", stored.Kept)
	}
	if left := f.pieces(t, Filter{}); len(left) != 1 || left[0].Key != puts[0].Key {
		t.Errorf("left: %+v", left)
	}
}

// A resource was split up without a moved block: others create its entries before it is destroyed.
func TestCommitLeavesWhatThisRunHasCreated(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	puts := f.approvals(t, 3)
	f.commit(t, f.run(t), puts, nil)
	s := f.run(t)
	if _, err := s.Put(t.Context(), puts[1]); err != nil {
		t.Fatal(err)
	}
	var removals []Removal
	for _, put := range puts {
		removals = append(removals, Removal{Key: put.Key, Expected: oci.DigestOf(put.Content), Reference: put.Reference})
	}
	stored := f.commit(t, s, nil, removals)
	if got := stored.Kept[puts[1].Key]; len(stored.Kept) != 1 || !slices.Equal(got, []string{format.DeclaredByDigest}) {
		t.Errorf("kept: %v", stored.Kept)
	}
	if left := f.pieces(t, Filter{}); len(left) != 1 || left[0].Key != puts[1].Key {
		t.Errorf("left: %+v", left)
	}
	if _, err := s.Commit(context.Background(), f.remote.Repository(), puts[1:2], nil); !errors.Is(err, ErrDeclaredTwice) {
		t.Errorf("creating it twice: %v", err)
	}
}

// A commit uploads the content that another put of it only names.
func TestCommitRepairs(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	puts := f.approvals(t, 3) // The first and the third share their content.
	f.commit(t, f.run(t), puts, nil)
	digest := oci.DigestOf(puts[0].Content)
	f.server.Reset()
	renew := []Put{
		{Key: puts[0].Key, Update: true, Expected: digest, Annotations: map[string]string{"by": "a"}},
		{Key: puts[2].Key, Update: true, Expected: digest, Content: puts[2].Content, Repair: true},
	}
	f.commit(t, f.run(t), renew, nil)
	if got := f.server.Count(http.MethodPost, "/blobs/uploads/"); got < 3 {
		t.Errorf("%d uploads; the content and the manifesto's layer and configuration are 3", got)
	}
	for _, located := range f.pieces(t, Filter{}) {
		if !located.Piece.Pinned || located.Piece.Size != int64(len("shared")) && located.Key != puts[1].Key {
			t.Errorf("%+v", located)
		}
	}
}
