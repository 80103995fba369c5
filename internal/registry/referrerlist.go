package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Bounds of the attempts to change a list that other programs change, too.
const (
	maxListEdits  = 8
	firstListWait = 50 * time.Millisecond
	maxListWait   = 2 * time.Second
)

// Bounds of the time from the PUT of a list to the look whether it has stayed. A program that read the list before the
// PUT puts its own within that time, if it is about as fast as this one.
const (
	minListSettle = 100 * time.Millisecond
	maxListSettle = 5 * time.Second
)

// errContested: other programs replaced the list after a PUT.
var errContested = errors.New("another program has replaced it")

// editList edits the list under the fallback tag of a subject, together with what other operations of this process want
// to edit there. An edit that only removes entries succeeds if there is no list.
func (r *Repository) editList(ctx context.Context, subject oci.Digest, edit oci.ReferrersEdit) error {
	name := r.repository.Path() + "@" + subject.String()
	err := r.host.lists.change(ctx, name, edit, func(edits []oci.ReferrersEdit) error {
		return r.makeEdits(ctx, subject, edits)
	})
	if errors.Is(err, errNoList) && len(edit.Add) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the list of referrers under the tag %s: %w", oci.ReferrersTag(subject), err)
	}
	return nil
}

// putFirstList puts a list under the fallback tag of a subject that cannot have one.
func (r *Repository) putFirstList(ctx context.Context, subject oci.Digest, edit oci.ReferrersEdit) error {
	list, _, err := oci.EditReferrers(oci.EmptyReferrers(), edit)
	if err == nil {
		err = refusedManifest(r.exchange(ctx, putRequest(oci.ReferrersTag(subject), list),
			func(*http.Response) error { return nil }))
	}
	if err != nil {
		return fmt.Errorf("the list of referrers under the tag %s: %w", oci.ReferrersTag(subject), err)
	}
	return nil
}

// makeEdits reads the list, puts the edited one, and looks whether it has stayed. It starts over if another program has
// replaced it, or if the outcome of the PUT is unknown: reading the list tells.
func (r *Repository) makeEdits(ctx context.Context, subject oci.Digest, edits []oci.ReferrersEdit) error {
	pause := firstListWait
	for attempt := 1; ; attempt++ {
		done, err := r.tryEdits(ctx, subject, edits)
		if done {
			return err
		}
		if attempt == maxListEdits {
			return fmt.Errorf("after %d attempts to change it: %w", attempt, err)
		}
		jittered := pause/2 + wait.Jitter(pause)
		r.logContested(ctx, subject, err, attempt, jittered)
		if ended := wait.For(ctx, jittered); ended != nil {
			return ended
		}
		pause = min(2*pause, maxListWait)
	}
}

// tryEdits makes edits of the list once. If done is false, another attempt may succeed, and err is why this one did
// not.
func (r *Repository) tryEdits(
	ctx context.Context, subject oci.Digest, edits []oci.ReferrersEdit,
) (done bool, err error) {
	began := time.Now()
	current, err := r.currentList(ctx, subject)
	if err != nil {
		return true, err
	}
	edited, entries, err := oci.EditReferrers(current, edits...)
	if errors.Is(err, oci.ErrBadResponse) {
		err = fmt.Errorf("%w: %w", errNoList, err)
	}
	if err != nil || edited.Digest == current.Digest {
		return true, err
	}
	tag := oci.ReferrersTag(subject)
	// There would otherwise be a tag for each manifest that ever had a referrer. Where a tag cannot be deleted, an empty
	// list is put: deleting the list by its digest leaves the tag on some registries.
	if entries == 0 && r.untag(ctx, tag) {
		r.logList(ctx, subject, len(edits), entries)
		return true, nil
	}
	err = r.PutManifest(ctx, tag, edited, time.Time{})
	if errors.Is(err, oci.ErrManifestRefused) {
		edited, entries, err = r.putWithoutGone(ctx, tag, current, edits, err)
	}
	if err != nil {
		return ctx.Err() != nil || !errors.Is(err, oci.ErrAmbiguous) && !passing(err), err
	}
	if done, err = r.stays(ctx, tag, edited.Digest, began); !done || err != nil {
		return done, err
	}
	r.logList(ctx, subject, len(edits), entries)
	if entries == 0 { // Best effort: distribution deletes no tags, and with a manifest all tags that name it.
		_ = r.deleteManifest(ctx, edited.Digest)
	}
	return true, nil
}

// stays looks whether a list has stayed under its tag. A program that read the list before the PUT puts its own within
// the time since began, if it is about as fast as this one. The results are those of tryEdits.
func (r *Repository) stays(
	ctx context.Context, tag string, digest oci.Digest, began time.Time,
) (done bool, err error) {
	if err = wait.For(ctx, min(max(2*time.Since(began), minListSettle), maxListSettle)); err != nil {
		return true, err
	}
	stored, err := r.HeadManifest(ctx, tag)
	if err != nil && !errors.Is(err, oci.ErrNotFound) { // A lagging replica may answer 404.
		return true, err
	}
	if stored != digest {
		return false, errContested
	}
	return true, nil
}

// maxGone bounds how many entries of a list are looked for after the registry has refused it.
const maxGone = 256

// putWithoutGone puts an edited list that the registry has refused once more, without the entries whose manifests are
// gone: distribution refuses a list that names them, and its garbage collector leaves such lists behind. Only a 404
// that shows twice says that a manifest is gone. The error is that of the first PUT if nothing is.
func (r *Repository) putWithoutGone(
	ctx context.Context, tag string, current oci.Manifest, edits []oci.ReferrersEdit, refused error,
) (edited oci.Manifest, entries int, err error) {
	listed, err := oci.ParseReferrers(current)
	if err != nil {
		return oci.Manifest{}, 0, err
	}
	var gone []oci.Digest
	for _, entry := range listed[:min(len(listed), maxGone)] {
		if _, err = oci.ParseDigest(entry.Digest.String()); err != nil {
			continue // Nobody can ask for it.
		}
		_, err = r.HeadManifest(ctx, entry.Digest.String())
		if errors.Is(err, oci.ErrNotFound) {
			_, err = r.HeadManifest(ctx, entry.Digest.String())
		}
		switch {
		case errors.Is(err, oci.ErrNotFound):
			gone = append(gone, entry.Digest)
		case err != nil:
			return oci.Manifest{}, 0, err
		}
	}
	if len(gone) == 0 {
		return oci.Manifest{}, 0, refused
	}
	edited, entries, err = oci.EditReferrers(current, append([]oci.ReferrersEdit{{Remove: gone}}, edits...)...)
	if err == nil {
		err = r.PutManifest(ctx, tag, edited, time.Time{})
	}
	return edited, entries, err
}

// logContested logs why a list is edited again.
func (r *Repository) logContested(
	ctx context.Context, subject oci.Digest, err error, attempt int, pause time.Duration,
) {
	attrs := []slog.Attr{
		slog.String("repository", r.repository.Path()), slog.String("subject", subject.String()),
		slog.Int("attempt", attempt+1), slog.Duration("wait", pause),
	}
	r.host.debug(ctx, "the list of referrers is edited again", append(attrs, failure(err))...)
}

// logList logs that a list was edited.
func (r *Repository) logList(ctx context.Context, subject oci.Digest, edits, entries int) {
	r.host.debug(ctx, "the list of referrers was edited", slog.String("repository", r.repository.Path()),
		slog.String("subject", subject.String()), slog.Int("edits", edits), slog.Int("entries", entries))
}

// currentList reads the list under the fallback tag. If there is none, it returns one without entries. The error wraps
// errNoList if the tag shows the subject itself.
func (r *Repository) currentList(ctx context.Context, subject oci.Digest) (oci.Manifest, error) {
	m, err := r.taggedList(ctx, subject)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return oci.EmptyReferrers(), nil
	case err != nil:
		return oci.Manifest{}, err
	case m.Digest == subject:
		return oci.Manifest{}, fmt.Errorf("%w: the registry shows the image itself there", errNoList)
	}
	return m, nil
}

// taggedList gets what is under the fallback tag. The absence of the tag must show twice.
func (r *Repository) taggedList(ctx context.Context, subject oci.Digest) (oci.Manifest, error) {
	m, err := r.GetManifest(ctx, oci.ReferrersTag(subject))
	if errors.Is(err, oci.ErrNotFound) {
		m, err = r.GetManifest(ctx, oci.ReferrersTag(subject))
	}
	return m, err
}
