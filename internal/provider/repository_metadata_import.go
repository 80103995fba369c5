package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ImportState implements resource.ResourceWithImportState, by REPOSITORY#TYPE or by identity. It sets which metadata is
// meant; the read that follows fills in the rest.
func (r *repositoryMetadataResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	var model repositoryMetadataModel
	text, typ, ok := importedRepository(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	model.Type = types.StringValue(keyOfType(typ))
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	limit := timeLimit{duration: readTimeout}
	repository, err := r.data.repository(types.StringValue(text))
	if err != nil {
		r.data.diagnoseRepository(err, "importing", text, repository).addTo(&resp.Diagnostics)
		return
	}
	b := model.bulk(r.data, repository, limit)
	images, err := r.data.store.Images(ctx, repository)
	if err != nil {
		b.diagnose(ctx, err, "importing").addTo(&resp.Diagnostics)
		return
	}
	if !hasType(images, typ, repository, &resp.Diagnostics) {
		return
	}
	model.setID(repository)
	for name, value := range map[string]any{
		"repository": repository.String(), "type": model.Type, "overwrite": false, "keep_on_destroy": false, "id": model.ID,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity(repository))...)
}

// importedRepository returns which repository and which type an import names.
func importedRepository(
	ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics,
) (repository, typ string, ok bool) {
	if req.ID == "" {
		var identity repositoryMetadataIdentity
		diags.Append(req.Identity.Get(ctx, &identity)...)
		return identity.Repository.ValueString(), typeIn(identity.Type), !diags.HasError()
	}
	repository, typ, ok = strings.Cut(req.ID, "#")
	if !ok || typ == "" {
		diags.AddError("Invalid import id",
			fmt.Sprintf("%q is not REPOSITORY#TYPE, such as ghcr.io/org/app#contact.", req.ID))
		return "", "", false
	}
	return repository, typeOfKey(typ), true
}

// hasType reports whether an image has metadata of a type. Otherwise it adds an error that lists the types that there
// are.
func hasType(images []manifesto.Image, typ string, repository oci.Repository, diags *diag.Diagnostics) bool {
	types := map[string]bool{}
	for _, image := range images {
		for _, entry := range image.Entries {
			types[fmt.Sprintf("%q", keyOfType(entry.Type))] = true
			if entry.Type == typ {
				return true
			}
		}
	}
	have := "It has no metadata at all."
	if len(types) > 0 {
		have = "It has metadata of these types:\n" +
			bulleted(slices.Sorted(maps.Keys(types)), func(quoted string) string { return quoted })
	}
	diags.AddAttributeError(path.Root("type"), "No such metadata",
		fmt.Sprintf("Repository %s has no metadata of type %q. %s", repository, keyOfType(typ), have))
	return false
}
