package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

const (
	alreadyExists = "Metadata already exists"
	declaredTwice = "Metadata declared twice"
	alreadyThere  = "Metadata is already there"
)

// replaces reports whether the plan replaces an existing resource.
func (p *planner) replaces() bool {
	return p.state != nil && (len(p.replace) > 0 || !p.plan.Type.Equal(p.state.Type))
}

// plannedImage returns what rememberImage is to record.
func (p *planner) plannedImage() *plannedImage {
	if !p.found || (p.state != nil && !p.replaces()) {
		return nil
	}
	return p.data.newPlannedImage(&p.plan.subjectModel)
}

// planEntry compares what a creation or a replacement is about to store with what the image already has. An update
// needs no look: the refresh has just read its entry.
func (p *planner) planEntry(ctx context.Context, limit timeLimit) {
	if !p.found || !p.keyKnown() || (p.state != nil && !p.replaces()) {
		return
	}
	key, err := p.plan.key()
	if err != nil {
		return // Create reports it.
	}
	entry, ok, err := p.data.store.Look(ctx, key)
	if err == nil {
		err = p.data.checkBase(ctx, key.Repository, key.Image, p.diags)
	}
	if err != nil {
		p.data.diagnoseKey(err, "looking up", key).within(ctx, limit).addTo(p.diags)
	} else if ok {
		p.compare(key, entry)
	}
}

// compare tells what becomes of an entry that the image already has.
func (p *planner) compare(key manifesto.Key, entry format.Entry) {
	content, known := p.config.content(&diag.Diagnostics{}) // planContent has reported errors.
	switch equal := known && oci.DigestOf(content) == entry.Digest; {
	case equal:
		p.warnOfEqual(key, entry)
	case p.plan.Overwrite.ValueBool():
	case p.replaces() && known:
		p.diags.AddAttributeError(path.Root("type"), alreadyExists, fmt.Sprintf(
			"The plan replaces this resource, and the new %s already exists with other content: %s. Applying the plan would "+
				"destroy the old metadata and then fail.\n\nImport the existing metadata to manage it from here, or set "+
				"overwrite = true to replace it. If another resource removes it in the same apply, apply that first. "+
				"terraform destroy makes this plan, too; with -refresh=false it does not.", describeKey(key), entry.Digest))
	case p.state == nil:
		p.diags.AddAttributeWarning(path.Root("type"), alreadyExists, fmt.Sprintf(
			"%s already exists%s. Creating this resource will fail unless another resource of this run removes it first. "+
				"Import it to manage it from here, or set overwrite = true to replace it.",
			upperFirst(describeKey(key)), contentNote(entry.Digest, known)))
	}
}

// contentNote says how the content of an existing entry differs from a planned one, which may not be known yet.
func contentNote(digest oci.Digest, known bool) string {
	if !known {
		return fmt.Sprintf(" with the content %s, and the content to store is not known yet", digest)
	}
	return fmt.Sprintf(" with other content, %s", digest)
}

// warnOfEqual warns of an entry that already has the planned content: the creation takes it over. If the entry is
// declared through another reference, too, the creation shares it, and nothing is lost. Terraform plans a replacement a
// second time as a creation, so one warning is enough for it.
func (p *planner) warnOfEqual(key manifesto.Key, entry format.Entry) {
	own := p.data.declaredAs(&p.plan.subjectModel)
	shared := slices.ContainsFunc(entry.DeclaredBy, func(reference string) bool { return reference != own })
	if shared || p.state != nil || p.plan.KeepOnDestroy.ValueBool() {
		return
	}
	p.diags.AddAttributeWarning(path.Root("type"), alreadyThere, fmt.Sprintf(
		"%s already exists with the same content. The resource takes it over, and destroying the resource will remove it, "+
			"also if another configuration or tool declares it. Set keep_on_destroy = true to leave it there.",
		upperFirst(describeKey(key))))
}
