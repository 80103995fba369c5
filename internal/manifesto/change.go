package manifesto

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// edit is what a change does to one entry.
type edit struct {
	key Key
	// reference is how the caller names the image; empty if it does not say.
	reference string
	// check returns an error if the entry is not as the caller expects.
	check func(*format.Document) error
	// apply edits a document that passed check.
	apply func(*format.Document)
	// holds reports whether a document has the edit in it.
	holds func(*format.Document) bool
	// remove says that the edit deletes the entry, create that it creates it.
	remove, create bool
	// content is the digest that the edit leaves in the entry; empty for a delete.
	content oci.Digest
	// repair forces a new pin for the entry's content.
	repair bool
	// publication says how to publish the piece that the edit stores; nil if it is not published.
	publication *publication
	// floor is the number of the newest version that the caller has seen; 0 if it knows none.
	floor int64
}

// signsAgain reports whether the edit asks for new signatures, even if it changes nothing else. So does a creation that
// takes over an equal entry: nobody knows who has signed the manifesto that has it.
func (e edit) signsAgain() bool {
	return e.publication != nil && (e.publication.again || e.create && e.publication.sign)
}

// supersedes reports whether the edit makes an earlier one of the same entry meaningless: both are of the same caller,
// or both store content, and the later content counts.
func (e edit) supersedes(earlier edit) bool {
	return e.reference == earlier.reference || !e.remove && !earlier.remove && e.content != earlier.content
}

// change is one or more edits of different keys that are committed together or not at all.
type change []edit

// check returns why the document does not take the change: the error of each edit that does not fit, joined.
func (c change) check(d *format.Document) error {
	var reasons []error
	for _, e := range c {
		if err := e.check(d); err != nil {
			reasons = append(reasons, err)
		}
	}
	if len(reasons) == 1 {
		return reasons[0]
	}
	return errors.Join(reasons...)
}

// apply edits a document that passed check.
func (c change) apply(d *format.Document) {
	repaired := map[oci.Digest]bool{}
	for _, e := range c {
		e.apply(d)
		if e.repair {
			repaired[e.content] = true
		}
	}
	if len(repaired) > 0 {
		d.Unpin(repaired)
	}
}

// holds reports whether a document has the whole change in it.
func (c change) holds(d *format.Document) bool {
	return !slices.ContainsFunc(c, func(e edit) bool { return !e.holds(d) })
}

// removes reports whether the change only deletes entries.
func (c change) removes() bool {
	return !slices.ContainsFunc(c, func(e edit) bool { return !e.remove })
}

// covers reports whether the change edits the entry of a key.
func (c change) covers(key Key) bool {
	return slices.ContainsFunc(c, func(e edit) bool { return e.key == key })
}

// floor returns the number of the newest version that the caller has seen; 0 if it knows none.
func (c change) floor() int64 {
	var floor int64
	for _, e := range c {
		floor = max(floor, e.floor)
	}
	return floor
}

// ticket is a change on its way through the queue and a commit. Its caller waits for it.
type ticket struct {
	change
	ctx  context.Context //nolint:containedctx // The queue carries it from its caller to the committer.
	done chan struct{}
	// The result, valid once done is closed: why the change failed or, by key, what was stored.
	err    error
	stored map[Key]Piece
	// number is that of the version that has the change.
	number int64
	// leftover are artifacts and signatures that the change has superseded and that could not be removed.
	leftover []Leftover
	// unverified is why the version that the change was built upon is not to be trusted; nil if it is.
	unverified error
	// missing are blobs that other entries name and that the commit could not pin, because they are not there.
	missing []oci.Digest

	mu sync.Mutex
	// signed are the signatures of the artifacts of what the change stores.
	signed map[Key]signing.Found
}

// sign records the signature of the artifact of a piece.
func (t *ticket) sign(key Key, found signing.Found) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signed == nil {
		t.signed = map[Key]signing.Found{}
	}
	t.signed[key] = found
}

// signature returns the signature of the artifact of a piece; zero if it has none.
func (t *ticket) signature(key Key) signing.Found {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.signed[key]
}

func newTicket(ctx context.Context, c change) *ticket {
	return &ticket{change: c, ctx: ctx, done: make(chan struct{})}
}

// isConflict reports whether the change was refused because the entry is not as its caller expects.
func (t *ticket) isConflict() bool {
	return errors.Is(t.err, ErrExists) || errors.Is(t.err, ErrChanged)
}

// keysOf are tickets whose keys go into a log record. The keys are listed only if the record is written.
type keysOf []*ticket

// LogValue implements slog.LogValuer.
func (tickets keysOf) LogValue() slog.Value {
	var keys []string
	for _, t := range tickets {
		for _, e := range t.change {
			keys = append(keys, e.key.String())
		}
	}
	return slog.AnyValue(keys)
}
