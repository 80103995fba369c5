package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// plannedTags is what the plan of a creation or a replacement found under the tags that it names. Terraform plans a
// replacement a second time as a creation. It gives the private state to the deletion, which comes first, so that the
// deletion can find out that a tag has moved, and stop.
type plannedTags struct {
	Repository string                `json:"repository"`
	Tags       map[string]oci.Digest `json:"tags"`
}

// rememberTags records in the planned private state what a creation or a replacement found under its tags.
func (p *repositoryPlanner) rememberTags(ctx context.Context, private privateState) {
	planned := plannedTags{Repository: p.repository.String(), Tags: map[string]oci.Digest{}}
	for _, d := range p.declared {
		if !d.byDigest() && d.image != "" {
			planned.Tags[d.key] = d.image
		}
	}
	creates := p.state == nil || p.replaces
	if !creates || p.offline || len(planned.Tags) == 0 {
		forgetImage(ctx, private, p.diags)
		return
	}
	value, err := json.Marshal(planned)
	if err != nil {
		p.diags.AddError("Private state", sentence(err))
		return
	}
	p.diags.Append(private.SetKey(ctx, privateImage, value)...)
}

// canReplace reports whether tags still name the images that a replacement was planned for. It is true for a deletion
// that is no part of a replacement. If it returns false, diags says why. It forgets the planned images, because
// Terraform stores the private state of a deletion that fails.
func (r *repositoryMetadataResource) canReplace(
	ctx context.Context, private privateState, limit timeLimit, diags *diag.Diagnostics,
) bool {
	value, more := private.GetKey(ctx, privateImage)
	diags.Append(more...)
	forgetImage(ctx, private, diags)
	var planned plannedTags
	if value == nil || json.Unmarshal(value, &planned) != nil || r.data == nil {
		return true
	}
	repository, err := oci.ParseRepository(planned.Repository, "")
	if err != nil || r.data.settings.unknown(repository.Host()) {
		return true
	}
	tags := slices.Sorted(maps.Keys(planned.Tags))
	digests, err := r.data.store.ResolveTagsAgain(ctx, repository, tags)
	if err != nil {
		failure := r.data.diagnoseRepository(err, "resolving the tags of", planned.Repository, repository).within(ctx, limit)
		failure.detail += "\n\n" + nothingDestroyed
		failure.addTo(diags)
		return false
	}
	var moved []string
	for _, tag := range tags {
		switch now := digests[tag]; {
		case now == "":
			moved = append(moved, fmt.Sprintf("%s was %s at plan and is gone", tag, planned.Tags[tag]))
		case now != planned.Tags[tag]:
			moved = append(moved, fmt.Sprintf("%s was %s at plan and is %s now", tag, planned.Tags[tag], now))
		}
	}
	if len(moved) == 0 {
		return true
	}
	diags.AddAttributeError(path.Root("images"), movedSincePlan, fmt.Sprintf(
		"Tags of repository %s name other images than at plan. The metadata was to be replaced; nothing was destroyed or "+
			"written.\n%s\n\nRun terraform plan again, or name the images by their digests.",
		repository, bulleted(moved, func(line string) string { return line })))
	return false
}
