package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	tfresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// An image that another resource pushes in the same apply is unknown at plan and exists at apply.
func TestAccImagePushedInTheSameApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	pushing := map[string]func() (tfprotov6.ProviderServer, error){
		"manifesto": factories["manifesto"],
		"push":      providerserver.NewProtocol6WithError(pushProvider{w}),
	}
	config := fmt.Sprintf(`
		resource "push_image" "build" {
			tag = "built"
		}
		resource "manifesto_metadata" "test" {
			image      = %q
			type       = "t"
			content    = "x"
			depends_on = [push_image.build]
		}`, w.ref(":built"))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: pushing,
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigPlanChecks: planned(action(plancheck.ResourceActionCreate),
					plannedUnknown("image_digest"), plannedUnknown("id"),
					plannedValue("repository", knownvalue.StringExact(w.ref("")))),
			},
			{Config: config, ConfigPlanChecks: emptyPlan},
			{ // The existing resource names a new tag that the same apply pushes.
				Config: strings.ReplaceAll(config, "built", "next"),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionDestroyBeforeCreate),
					plannedUnknown("image_digest"), plannedUnknown("id")),
			},
			{Config: strings.ReplaceAll(config, "built", "next"), ConfigPlanChecks: emptyPlan},
		},
	})
}

// pushProvider has one resource, push_image, which pushes an image to a tag when it is created.
type pushProvider struct{ world *world }

func (pushProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "push"
}
func (pushProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (pushProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (pushProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (p pushProvider) Resources(context.Context) []func() tfresource.Resource {
	return []func() tfresource.Resource{func() tfresource.Resource { return pushImage(p) }}
}

type pushImage struct{ world *world }

type pushModel struct {
	Tag types.String `tfsdk:"tag"`
}

func (pushImage) Metadata(_ context.Context, _ tfresource.MetadataRequest, resp *tfresource.MetadataResponse) {
	resp.TypeName = "push_image"
}

func (pushImage) Schema(_ context.Context, _ tfresource.SchemaRequest, resp *tfresource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"tag": schema.StringAttribute{
			Required:      true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
	}}
}

func (p pushImage) Create(ctx context.Context, req tfresource.CreateRequest, resp *tfresource.CreateResponse) {
	var model pushModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if _, err := registrytest.PushImage(
		ctx, p.world.remote, model.Tag.ValueString(), model.Tag.ValueString(),
	); err != nil {
		resp.Diagnostics.AddError("push", err.Error())
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (pushImage) Read(context.Context, tfresource.ReadRequest, *tfresource.ReadResponse)       {}
func (pushImage) Update(context.Context, tfresource.UpdateRequest, *tfresource.UpdateResponse) {}
func (pushImage) Delete(context.Context, tfresource.DeleteRequest, *tfresource.DeleteResponse) {}
