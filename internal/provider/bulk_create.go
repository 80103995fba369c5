package provider

import (
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// bulkFound is an entry that is there before a bulk resource is created.
type bulkFound struct {
	key   manifesto.Key
	entry format.Entry
}

// bulkMeeting is what the creation of a bulk resource meets.
type bulkMeeting struct {
	// equal have the content that is declared. The resource takes them over.
	equal []bulkFound
	// different are declared with other content, or with one that is not known yet.
	different []bulkFound
	// foreign are not declared at all.
	foreign []bulkFound
	// references are how the declared ones are named.
	references map[manifesto.Key]string
}

// meetBulk compares what a creation declares with what is there.
func meetBulk(entries []bulkEntry, found []bulkFound) bulkMeeting {
	meeting := bulkMeeting{references: make(map[manifesto.Key]string, len(entries))}
	if len(found) == 0 {
		return meeting
	}
	declared := make(map[manifesto.Key]bulkEntry, len(entries))
	for _, entry := range entries {
		declared[entry.key] = entry
		meeting.references[entry.key] = entry.reference
	}
	for _, existing := range found {
		switch entry, ok := declared[existing.key]; {
		case !ok:
			meeting.foreign = append(meeting.foreign, existing)
		case entry.digest != "" && entry.digest == existing.entry.Digest:
			meeting.equal = append(meeting.equal, existing)
		default:
			meeting.different = append(meeting.different, existing)
		}
	}
	return meeting
}

// inTheWay are the entries that a creation without overwrite leaves to others.
func (m bulkMeeting) inTheWay() []bulkFound { return slices.Concat(m.different, m.foreign) }

// change returns the change of a creation. Only with overwrite, entries may be in its way.
func (m bulkMeeting) change(entries []bulkEntry, overwrite bool) (change bulkChange) {
	for _, entry := range entries {
		put := entry.put()
		put.Overwrite = overwrite
		change.puts = append(change.puts, put)
	}
	for _, existing := range m.foreign {
		change.removals = append(change.removals, manifesto.Removal{
			Key: existing.key, Expected: existing.entry.Digest, All: true,
		})
	}
	return change
}

// Parts of what is said of entries that are in the way of a creation.
const (
	importOrOverwrite = "Import it to manage it from here, or set overwrite = true to replace what is declared with " +
		"other content and to remove the rest."
	willReplace = "Metadata will be replaced"
)

// plan tells people what a creation or, if replaces is set, a replacement meets.
func (m bulkMeeting) plan(b bulk, replaces, overwrite, keepOnDestroy bool, diags *diag.Diagnostics) {
	where := path.Root(b.entries)
	switch others := m.inTheWay(); {
	case len(others) > 0 && overwrite:
		diags.AddAttributeWarning(where, willReplace, fmt.Sprintf(
			"The creation replaces or removes what there is of %s, as overwrite = true says.\n%s",
			b.what, m.list(b, others)))
	case len(others) > 0 && replaces:
		diags.AddAttributeError(where, alreadyExists, fmt.Sprintf(
			"The plan replaces this resource, and there is %s already, which is not as declared. Applying the plan would "+
				"destroy the old metadata and then fail.\n%s\n\n%s If another resource removes it in the same apply, apply that "+
				"first. terraform destroy makes this plan, too; with -refresh=false it does not.",
			b.what, m.list(b, others), importOrOverwrite))
	case len(others) > 0:
		diags.AddAttributeWarning(where, alreadyExists, fmt.Sprintf(
			"There is %s already, which is not as declared. Creating this resource will fail unless another resource of this "+
				"run removes it first.\n%s\n\n%s", b.what, m.list(b, others), importOrOverwrite))
	}
	taken := slices.DeleteFunc(slices.Clone(m.equal), m.shared)
	if len(taken) > 0 && !replaces && !keepOnDestroy {
		diags.AddAttributeWarning(where, alreadyThere, fmt.Sprintf(
			"There is %s already with the same content. The resource takes it over, and destroying the resource will remove "+
				"it, also if another configuration or tool declares it. Set keep_on_destroy = true to leave it there.\n%s",
			b.what, bulleted(taken, func(f bulkFound) string { return b.name(f.key) })))
	}
}

// shared reports whether an entry is declared through another reference, too: then it stays when the resource is
// destroyed.
func (m bulkMeeting) shared(f bulkFound) bool {
	return slices.ContainsFunc(f.entry.DeclaredBy, func(reference string) bool {
		return reference != m.references[f.key]
	})
}

// refuse explains that entries are in the way of a creation that was about to write. If it returns false, nothing is.
func (m bulkMeeting) refuse(b bulk, diags *diag.Diagnostics) bool {
	others := m.inTheWay()
	if len(others) == 0 {
		return false
	}
	diagnosis{b.entries, alreadyExists, fmt.Sprintf(
		"There is %s already, which is not as declared. Nothing was written.\n%s\n\n%s",
		b.what, m.list(b, others), importOrOverwrite)}.addTo(diags)
	return true
}

func (m bulkMeeting) list(b bulk, found []bulkFound) string {
	return bulleted(found, func(f bulkFound) string {
		note := "not declared"
		if _, declared := m.references[f.key]; declared {
			note = "declared with other content"
		}
		return fmt.Sprintf("%s: content %s, %s", b.name(f.key), f.entry.Digest, note)
	})
}
