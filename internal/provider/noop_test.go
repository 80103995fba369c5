package provider

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// serveNoop is the environment variable that makes the test binary serve noopProvider. make bench compares the provider
// with it, because it costs what Terraform and the framework cost.
const serveNoop = "MANIFESTO_SERVE_NOOP"

// noop serves noopProvider if the environment asks for it.
func noop() (served bool, err error) {
	if os.Getenv(serveNoop) == "" {
		return false, nil
	}
	return true, providerserver.Serve(context.Background(), func() provider.Provider { return &noopProvider{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/imagemanifesto/manifesto"})
}

// noopProvider has the schema of the real provider and does nothing.
type noopProvider struct {
	manifestoProvider
}

func (*noopProvider) ValidateConfig(context.Context, provider.ValidateConfigRequest, *provider.ValidateConfigResponse) {
}

func (*noopProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (*noopProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (*noopProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return nil
}
func (*noopProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &noopResource{} }}
}

// noopResource does nothing, and reports success.
type noopResource struct {
	real metadataResource
}

func (r *noopResource) Metadata(ctx context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	r.real.Metadata(ctx, req, resp)
}

func (r *noopResource) Schema(ctx context.Context, req resource.SchemaRequest, resp *resource.SchemaResponse) {
	r.real.Schema(ctx, req, resp)
}

func (r *noopResource) IdentitySchema(
	ctx context.Context, req resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	r.real.IdentitySchema(ctx, req, resp)
}

func (r *noopResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan metadataModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	text := types.StringValue("nothing")
	plan.ID, plan.Registry, plan.Repository, plan.ImageDigest = text, text, text, text
	plan.Digest, plan.Created, plan.MediaType = text, text, text
	plan.Size, plan.Pinned = types.Int64Value(1), types.BoolValue(true)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Read sets the identity if Terraform keeps none, as before 1.12 and in OpenTofu: the framework asks for it.
func (r *noopResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if req.Identity.Raw.IsFullyNull() {
		text := types.StringValue("nothing")
		resp.Diagnostics.Append(resp.Identity.Set(ctx, identityModel{Repository: text, ImageDigest: text, Type: text})...)
	}
}

func (r *noopResource) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}
func (r *noopResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
