package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// bulk is a resource that manages many entries of one repository, in its dealings with the registry and with people.
type bulk struct {
	data       *providerData
	repository oci.Repository
	// filter selects the entries that the resource decides about.
	filter manifesto.Filter
	// reference is how the configuration names the image that all entries are about; empty if they are about several.
	reference string
	// what names all entries in a diagnostic, such as `metadata "contact" of repository ghcr.io/org/app`.
	what string
	// entries is the attribute that declares the entries, and subject the one that says what they are about.
	entries, subject string
	// name names one entry in a diagnostic, such as `image sha256:…`.
	name func(manifesto.Key) string
	// limit is what bounds the operation.
	limit timeLimit
	// floor is the number of the newest manifesto that was verified; 0 if there is none.
	floor int64
}

// diagnose explains an error of an operation, such as "reading", on the entries.
func (b bulk) diagnose(ctx context.Context, err error, operation string) diagnosis {
	if conflicts := manifesto.Conflicts(err); len(conflicts) > 0 {
		return b.diagnoseConflicts(conflicts)
	}
	if errors.Is(err, manifesto.ErrContentsTooLarge) {
		return diagnosis{b.entries, contentsTooLarge, fmt.Sprintf("%s %s failed: the contents have more than %d MiB "+
			"together%s", upperFirst(operation), b.what, maxContents>>20, contentsTooLargeHelp)}
	}
	result := b.data.diagnose(err, operation, b.repository, b.what)
	switch result.attribute { // Advices are written for resources that have one entry.
	case "image":
		result.attribute = b.subject
	case "type":
		result.attribute = b.entries
	}
	return result.within(ctx, b.limit)
}

// diagnoseConflicts explains that entries are not as a change expects.
func (b bulk) diagnoseConflicts(conflicts []*manifesto.ConflictError) diagnosis {
	slices.SortFunc(conflicts, func(x, y *manifesto.ConflictError) int { return compareKeys(x.Key, y.Key) })
	list := bulleted(conflicts, func(conflict *manifesto.ConflictError) string {
		found := "it is gone"
		if conflict.Found != "" {
			found = "its content is " + conflict.Found.String()
		}
		if conflict.Expected == "" {
			return fmt.Sprintf("%s: %s, and there should be none yet", b.name(conflict.Key), found)
		}
		return fmt.Sprintf("%s: %s, and it was %s", b.name(conflict.Key), found, conflict.Expected)
	})
	return diagnosis{b.entries, "Metadata changed outside Terraform since the plan", fmt.Sprintf(
		"Another pipeline or person has changed %s, and Terraform does not overwrite what it has not shown. Nothing was "+
			"written.\n%s\n\nRun terraform plan again to see the changes.", b.what, list)}
}

// commit stores a change in one commit. If it returns false, diags has an error, and nothing was stored, unless the
// error says that this is not known.
func (b bulk) commit(
	ctx context.Context, change bulkChange, operation string, diags *diag.Diagnostics,
) (manifesto.Stored, bool) {
	if change.empty() {
		return manifesto.Stored{}, true
	}
	for i := range change.puts {
		change.puts[i].Floor = b.floor
	}
	for i := range change.removals {
		change.removals[i].Floor = b.floor
	}
	stored, err := b.data.store.Commit(ctx, b.repository, change.puts, change.removals)
	if err != nil {
		b.diagnose(ctx, err, operation).addTo(diags)
		return manifesto.Stored{}, false
	}
	if len(stored.Missing) > 0 {
		diags.AddWarning("Content missing", fmt.Sprintf(
			"The manifesto of %s names content that the repository does not have. It belongs to other entries, which were "+
				"not changed. Apply the resources that declare them to store it again.\n%s",
			b.repository, bulleted(stored.Missing, oci.Digest.String)))
	}
	warnLeftover(b.repository, stored.Leftover, diags)
	warnUnverified(b.repository, stored.Unverified, diags)
	return stored, true
}

// declare makes a creation or an update of entries, unless another resource of this run decides about them. It returns
// what write returns. If it returns false, diags has an error.
func (b bulk) declare(
	entries []bulkEntry, diags *diag.Diagnostics, write func() (manifesto.Stored, bool),
) (stored manifesto.Stored, ok bool) {
	of := statement{b.repository, b.filter}
	if !b.data.statements.claim(of, b.reference, contentOf(entries)) {
		b.diagnoseRival().addTo(diags)
		return manifesto.Stored{}, false
	}
	defer func() { b.data.statements.settle(of, b.reference, ok) }()
	return write()
}

// diagnoseRival explains that two resources decide about the same entries.
func (b bulk) diagnoseRival() diagnosis {
	shared := ""
	if b.reference != "" {
		shared = " Two tags of one image may have the same metadata."
	}
	return diagnosis{b.subject, declaredTwice, fmt.Sprintf(
		"Another resource of this configuration declares %s, and this run has created or updated it. Each of the two "+
			"decides about all of it, and would remove what only the other declares. Nothing was written for this resource."+
			"\n\nMerge the two into one resource.%s If the state has both, take the other one out of it with a removed block "+
			"that has lifecycle { destroy = false }: to destroy it would remove the metadata of both.", b.what, shared)}
}

// refreshed tells that the resource is being refreshed: what this run has stored before is no rival's.
func (b bulk) refreshed() { b.data.statements.refreshed(statement{b.repository, b.filter}) }

// create stores the entries of a new resource. found are those that are there already; without overwrite, none of them
// may be in the way. If it returns false, diags has an error, as with commit.
func (b bulk) create(
	ctx context.Context, entries []bulkEntry, found []bulkFound, overwrite bool, diags *diag.Diagnostics,
) (manifesto.Stored, bool) {
	return b.declare(entries, diags, func() (manifesto.Stored, bool) {
		meeting := meetBulk(entries, found)
		if !overwrite && meeting.refuse(b, diags) {
			return manifesto.Stored{}, false
		}
		return b.commit(ctx, meeting.change(entries, overwrite), "creating", diags)
	})
}

// update stores the entries of a resource whose state has others. If it returns false, diags has an error, as with
// commit.
func (b bulk) update(
	ctx context.Context, entries []bulkEntry, held map[manifesto.Key]bulkHeld, diags *diag.Diagnostics,
) (manifesto.Stored, bool) {
	return b.declare(entries, diags, func() (manifesto.Stored, bool) {
		return b.commit(ctx, bulkUpdate(entries, held), "updating", diags)
	})
}

// remember records the manifesto that an apply has stored, if the refresh verifies signatures.
func (b bulk) remember(
	ctx context.Context, m *bulkSignatureModel, stored manifesto.Stored, private privateState, diags *diag.Diagnostics,
) {
	if b.data.verification != nil && m.Signed.ValueBool() && stored.Number > 0 {
		rememberFloor(ctx, private, manifesto.Floor{Number: stored.Number}, diags)
	}
}

// destroy removes what a state has, and tells what stays because others declare it, too.
func (b bulk) destroy(ctx context.Context, held map[manifesto.Key]bulkHeld, diags *diag.Diagnostics) {
	if stored, ok := b.commit(ctx, bulkDestroy(held), "deleting", diags); ok {
		b.warnKept(stored.Kept, diags)
	}
}

// repairUnpinned marks the entries of a state whose content is not pinned or missing.
func (b bulk) repairUnpinned(ctx context.Context, held map[manifesto.Key]bulkHeld) error {
	pieces, err := b.data.store.Pieces(ctx, b.repository, b.filter)
	for _, located := range pieces {
		if current, ok := held[located.Key]; ok && !located.Piece.Pinned {
			current.repair = true
			held[located.Key] = current
		}
	}
	return err
}

// warnKept tells which entries a destruction has left in the registry, because others declare them, too.
func (b bulk) warnKept(kept map[manifesto.Key][]string, diags *diag.Diagnostics) {
	if len(kept) == 0 {
		return
	}
	keys := make([]manifesto.Key, 0, len(kept))
	for key := range kept {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	diags.AddWarning("Metadata kept", fmt.Sprintf(
		"Other resources declare some of %s, too, so it stays in the registry until those are destroyed.\n%s",
		b.what, bulleted(keys, func(key manifesto.Key) string {
			return fmt.Sprintf("%s, through %s", b.name(key), describeReferences(kept[key]))
		})))
}

// compareKeys orders keys of one repository.
func compareKeys(x, y manifesto.Key) int {
	if order := strings.Compare(x.Image.String(), y.Image.String()); order != 0 {
		return order
	}
	return strings.Compare(x.Type, y.Type)
}

// maxListed is how many elements a diagnostic lists.
const maxListed = 10

// bulleted returns a line for each element, and counts those after the first ten.
func bulleted[T any](elements []T, describe func(T) string) string {
	var text strings.Builder
	for i, element := range elements {
		if i == maxListed {
			fmt.Fprintf(&text, "\n  … and %d more", len(elements)-i)
			break
		}
		text.WriteString("\n  " + describe(element))
	}
	return text.String()
}

// elementErrors adds errors about elements of maps to diagnostics. It only counts those after the first ten.
type elementErrors struct {
	diags *diag.Diagnostics
	count int
	// attribute is that of the last error.
	attribute string
}

// add adds an error about an element of an attribute. It names the element if the detail does not.
func (e *elementErrors) add(attribute, element, summary, detail string) {
	e.attribute = attribute
	if e.count++; e.count > maxListed {
		return
	}
	if quoted := strconv.Quote(element); !strings.HasPrefix(detail, quoted) {
		detail = quoted + ": " + detail
	}
	e.diags.AddAttributeError(path.Root(attribute).AtMapKey(element), summary, detail)
}

// close tells how many errors were only counted. It reports whether there were none at all.
func (e *elementErrors) close() bool {
	if more := e.count - maxListed; more > 0 {
		e.diags.AddAttributeError(path.Root(e.attribute), "More errors",
			fmt.Sprintf("%d more elements are wrong.", more))
	}
	return e.count == 0
}
