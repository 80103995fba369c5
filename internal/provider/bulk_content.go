package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

const (
	contentUnreadable    = "Content cannot be read"
	contentsTooLarge     = "Contents too large"
	contentsTooLargeHelp = ", which is more than Terraform carries in one object. Use several resources, or store large " +
		"content elsewhere, for example as an artifact in the registry, and keep its address and digest here."
)

// checkContents checks the size of all contents of one object together, in bytes. If it returns false, diags has an
// error on the attribute.
func checkContents(size int64, attribute string, diags *diag.Diagnostics) bool {
	if size <= maxContents {
		return true
	}
	diags.AddAttributeError(path.Root(attribute), contentsTooLarge, fmt.Sprintf(
		"The contents have %d bytes together; the limit is %d MiB%s", size, maxContents>>20, contentsTooLargeHelp))
	return false
}

// decodeContent reads a content from text or base64. A summary that is not empty says what is wrong.
func decodeContent(text string, isBase64 bool) (content []byte, summary, detail string) {
	content = []byte(text)
	if isBase64 {
		var err error
		if content, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, "Invalid base64", fmt.Sprintf(
				"The value is not standard base64 with padding: %v.\n\nUse base64encode or filebase64.", err)
		}
	}
	summary, detail = checkContent(len(content))
	return content, summary, detail
}

// refreshedContent is a content as a refresh has found it.
type refreshedContent struct {
	// bytes is nil if the content is lost, or cannot be shown.
	bytes []byte
	// lost says that the registry does not have the content.
	lost bool
}

// download returns the contents of pieces, each at the index of its piece, and corrects the entries as Store.Contents
// does. Others could make every plan fail if all contents had to be usable: those that are damaged, or too large
// together for an object that is not just being imported, are not shown, and a warning says so.
func (b bulk) download(
	ctx context.Context, pieces []manifesto.Located, limit int64, imported bool, diags *diag.Diagnostics,
) ([]refreshedContent, error) {
	result := make([]refreshedContent, len(pieces))
	if len(pieces) == 0 {
		return result, nil
	}
	entries := make([]format.Entry, len(pieces))
	for i, piece := range pieces {
		entries[i] = piece.Piece.Entry
	}
	contents, err := b.data.store.Contents(ctx, b.repository, entries, limit)
	damage, isDamaged := errors.AsType[*manifesto.DamagedError](err)
	switch {
	case errors.Is(err, manifesto.ErrContentsTooLarge) && !imported:
		diags.AddAttributeWarning(path.Root(b.entries), contentsTooLarge, fmt.Sprintf(
			"There is so much %s now that its contents have more than %d MiB together, which is more than Terraform carries in "+
				"one object. The plan does not show the contents that are new or changed. The apply replaces or removes them.",
			b.what, maxContents>>20))
		return result, nil
	case isDamaged:
		b.warnDamaged(pieces, damage.Reasons, diags)
	case err != nil:
		return nil, err
	}
	for i, content := range contents {
		pieces[i].Piece.Entry = entries[i]
		unusable := isDamaged && damage.Reasons[i] != nil
		result[i] = refreshedContent{bytes: content, lost: content == nil && !unusable}
	}
	return result, nil
}

// warnDamaged tells which contents are not shown because nobody can use them.
func (b bulk) warnDamaged(pieces []manifesto.Located, reasons map[int]error, diags *diag.Diagnostics) {
	lines := bulleted(slices.Sorted(maps.Keys(reasons)), func(i int) string {
		return fmt.Sprintf("%s: %s", b.name(pieces[i].Key), sentence(reasons[i]))
	})
	diags.AddAttributeWarning(path.Root(b.entries), contentUnreadable, fmt.Sprintf(
		"Contents of %s cannot be used, and another attempt would find the same. The plan does not show them. The apply "+
			"replaces or removes them.%s", b.what, lines))
}

// checkBulkJSON checks the contents of entries against a JSON Schema, if that is set and known. If it returns false,
// diags has errors.
func checkBulkJSON(text types.String, entries []bulkEntry, diags *diag.Diagnostics) bool {
	if text.IsNull() || text.IsUnknown() {
		return true
	}
	schema, err := jsonschema.Compile(text.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("json_schema"), invalidSchema, schemaHelp(err))
		return false
	}
	errs := elementErrors{diags: diags}
	for _, entry := range entries {
		if entry.content == nil {
			continue
		}
		if messages := schema.Check(entry.content); len(messages) > 0 {
			errs.add(entry.attribute, entry.element, mismatchedSchema, mismatchHelp(messages))
		}
	}
	return errs.close()
}
