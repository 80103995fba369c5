package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements resource.Resource.
func (r *retentionResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	const patternHelp = " `*` matches any text, slashes included, `?` one character and `[a-z]` one of a range; a " +
		"backslash before one of them takes away its meaning."
	resp.Schema = schema.Schema{
		MarkdownDescription: "Keeps the manifesto of a repository free of metadata whose image is gone. Each refresh asks " +
			"the registry for the images; the plan shows in `stale` what it would remove, and the apply removes it in one " +
			"commit, whoever declared it. Destroying the resource changes nothing in the registry.",
		Attributes: map[string]schema.Attribute{
			"repository": schema.StringAttribute{
				MarkdownDescription: "Repository, such as `ghcr.io/example/app`, without a tag or digest. The registry defaults " +
					"to the provider's `default_registry`. `oci-layout:DIRECTORY` is an OCI image layout on disk. Another " +
					"repository replaces the resource.",
				Required:   true,
				Validators: []validator.String{isRepository()},
			},
			"types": schema.SetAttribute{
				MarkdownDescription: "Remove only metadata of types that match one of these patterns, such as `scan/*`." +
					patternHelp + " Defaults to all types.",
				ElementType: types.StringType,
				Optional:    true,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(isTypePattern())},
			},
			"keep_types": schema.SetAttribute{
				MarkdownDescription: "Keep metadata of types that match one of these patterns, also if its image is gone.",
				ElementType:         types.StringType,
				Optional:            true,
				Validators:          []validator.Set{setvalidator.ValueStringsAre(isTypePattern())},
			},
			"allow_empty": schema.BoolAttribute{
				MarkdownDescription: "Remove metadata even if the registry has none of the images. Otherwise that is an " +
					"error: credentials that may not see the images look the same. Defaults to `false`.",
				Optional: true,
			},
			"timeouts": withTimeoutValidators(timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true,
				CreateDescription: "How long creating may take, as a duration such as `5m`. Defaults to `20m`.",
				ReadDescription:   "How long reading may take, and how long a plan may look for images. Defaults to `20m`.",
				UpdateDescription: "How long updating may take. Defaults to `20m`.",
			})),
			"id": schema.StringAttribute{
				MarkdownDescription: "Canonical name of the repository, such as `docker.io/library/alpine` for `alpine`.",
				Computed:            true,
			},
			"stale": schema.ListAttribute{
				MarkdownDescription: "Metadata whose image is gone, each as `DIGEST#TYPE`, in the order of the manifesto. The " +
					"refresh finds it, and an apply leaves an empty list." + keyHelp,
				ElementType: types.StringType,
				Computed:    true,
			},
		},
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *retentionResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"repository": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Repository with its registry's host, such as ghcr.io/org/app, or oci-layout:DIRECTORY.",
		},
	}}
}
