package provider

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const user, secret = "robot", "pass-word"

func secured(t *testing.T) *world {
	t.Helper()
	return newWorld(t, registrytest.Options{Username: user, Password: secret})
}

const some = "type = \"t\"\ncontent = \"x\""

func TestAccRegistryCredentials(t *testing.T) {
	t.Parallel()
	w := secured(t)
	configure := func(attributes string) string {
		return fmt.Sprintf("provider \"manifesto\" {\n  registries = { %q = { %s } }\n}\n", w.server.Host(), attributes) + w.metadata(some)
	}
	acceptance(t,
		resource.TestStep{Config: w.metadata(some), ExpectError: words(`refused the credentials.*registries\["` + w.server.Host() + `"\]`)},
		resource.TestStep{Config: configure(`username = "robot", password = "wrong"`), ExpectError: words(`refused the credentials`)},
		resource.TestStep{Config: configure(`username = "robot"`), ExpectError: words(`password.* must be specified`)},
		resource.TestStep{Config: configure(`token = "t", username = "robot", password = "p"`), ExpectError: words(`cannot be specified when`)},
		resource.TestStep{Config: configure(fmt.Sprintf(`username = %q, password = %q`, user, secret)), Check: w.has("t", "x")},
	)
}

func TestAccRegistriesKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	configure := func(attributes string) string {
		return fmt.Sprintf("provider \"manifesto\" {\n  registries = { %s }\n}\n", attributes) + w.metadata(some)
	}
	acceptance(t,
		resource.TestStep{Config: configure(`"https://ghcr.io/" = {}`), ExpectError: words(`Invalid registry.*ghcr.io or registry.example.com:5000`)},
		resource.TestStep{Config: configure(`"docker.io" = {}, "index.docker.io" = {}`), ExpectError: words(`Registry configured twice`)},
	)
}

// Contradictions are found by terraform validate, without a plan, and unknown values are skipped.
func TestCLIValidate(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	const head = requirement + `
		variable "later" {
			type = string
		}
		data "manifesto_image" "any" { # Terraform validates a provider that something uses.
			image = "ghcr.io/example/app:1.2"
		}
	`
	for config, want := range map[string]string{
		`username = "robot"`: "Incomplete credentials",
		`username = var.later
		 password = var.later`: "",
		`registries = { "docker.io" = {}, "index.docker.io" = {} }`:                                "Registry configured twice",
		`registries = { "ghcr.io" = { username = "a" } }`:                                          "password",
		`registries = { "ghcr.io" = { token = var.later, username = "a", password = var.later } }`: "",
		`default_registry = "https://ghcr.io"`:                                                     "Invalid registry",
		`default_registry = var.later`:                                                             "",
	} {
		c.write("main.tf", head+"provider \"manifesto\" {\n"+config+"\n}\n")
		output, code := c.run(c.tool, "validate")
		if (code != 0) != (want != "") || !strings.Contains(output, want) {
			t.Errorf("%s: exit code %d, want %q in\n%s", config, code, want, output)
		}
	}
}

// The provider's own credentials reach the default registry and no other.
func TestAccDefaultRegistry(t *testing.T) {
	w := secured(t)
	other := secured(t)
	settings := fmt.Sprintf("default_registry = %q", w.server.Host())
	config := func(attributes, image string) string {
		return fmt.Sprintf("provider \"manifesto\" {\n%s\n}\nresource \"manifesto_metadata\" \"test\" {\n  image = %q\n%s\n}\n", attributes, image, some)
	}
	t.Run("configured", func(t *testing.T) {
		acceptance(t,
			resource.TestStep{
				Config:            config(settings+fmt.Sprintf("\nusername = %q\npassword = %q", user, secret), "app:1"),
				ConfigStateChecks: []statecheck.StateCheck{state("repository", knownvalue.StringExact(w.ref("")))},
				Check:             w.has("t", "x"),
			},
			resource.TestStep{
				Config:      config(settings+fmt.Sprintf("\nusername = %q\npassword = %q", user, secret), other.ref(":1")),
				ExpectError: words(`refused the credentials.*for the default registry only`),
			},
		)
	})
	t.Run("environment", func(t *testing.T) {
		t.Setenv(envUsername, user)
		t.Setenv(envPassword, secret)
		acceptance(t,
			resource.TestStep{Config: config(settings, "app:1"), Check: w.has("t", "x")},
			resource.TestStep{Config: config(settings, other.ref(":1")), ExpectError: words(`refused the credentials`)},
		)
	})
	t.Run("incomplete", func(t *testing.T) {
		acceptance(t, resource.TestStep{
			Config: config(settings+"\nusername = \"robot\"", "app:1"), ExpectError: words(`Incomplete credentials.*` + envPassword),
		})
	})
	t.Run("registries first", func(t *testing.T) {
		acceptance(t, resource.TestStep{
			Config: config(settings+fmt.Sprintf("\nusername = \"x\"\npassword = \"y\"\nregistries = { %q = { username = %q, password = %q } }", w.server.Host(), user, secret), "app:1"),
			Check:  w.has("t", "x"),
		})
	})
}

func TestAccDockerConfig(t *testing.T) {
	w := secured(t)
	dir := t.TempDir()
	content := fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, w.server.Host(), user, secret)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	acceptance(t, resource.TestStep{Config: w.metadata(some), Check: w.has("t", "x")})
}

// Settings that come from a resource of the same apply are unknown at plan: what depends on them is
// planned as unknown, without a look at the registry, and works at apply.
func TestAccUnknownSettings(t *testing.T) {
	t.Parallel()
	w := secured(t)
	config := func(image string) string {
		return fmt.Sprintf(`
			resource "terraform_data" "password" {
				input = %q
			}
			provider "manifesto" {
				registries = { %q = { username = %q, password = terraform_data.password.output } }
			}
			resource "manifesto_metadata" "test" {
				image   = %q
				type    = "t"
				content = "x"
			}`, secret, w.server.Host(), user, image)
	}
	acceptance(t,
		resource.TestStep{
			Config:           config(w.ref(":1")),
			ConfigPlanChecks: planned(plannedUnknown("image_digest"), plannedUnknown("id"), plannedValue("repository", knownvalue.StringExact(w.ref("")))),
			Check:            w.has("t", "x"),
		},
		resource.TestStep{Config: config(w.ref(":1")), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccUnknownDefaultRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := fmt.Sprintf(`
		resource "terraform_data" "host" {
			input = %q
		}
		provider "manifesto" {
			default_registry = terraform_data.host.output
		}
		resource "manifesto_metadata" "test" {
			image   = "app:1"
			type    = "t"
			content = "x"
		}`, w.server.Host())
	acceptance(t,
		resource.TestStep{Config: config, ConfigPlanChecks: planned(plannedUnknown("repository"), plannedUnknown("image_digest")), Check: w.has("t", "x")},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

// An image that another resource pushes in the same apply: unknown at plan, there at apply.
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
					plannedUnknown("image_digest"), plannedUnknown("id"), plannedValue("repository", knownvalue.StringExact(w.ref("")))),
			},
			{Config: config, ConfigPlanChecks: emptyPlan},
			{ // The next version: the existing resource names a tag that the same apply pushes.
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
		"tag": schema.StringAttribute{Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
	}}
}

func (p pushImage) Create(ctx context.Context, req tfresource.CreateRequest, resp *tfresource.CreateResponse) {
	var model pushModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if _, err := registrytest.PushImage(ctx, p.world.remote, model.Tag.ValueString(), model.Tag.ValueString()); err != nil {
		resp.Diagnostics.AddError("push", err.Error())
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (pushImage) Read(context.Context, tfresource.ReadRequest, *tfresource.ReadResponse)       {}
func (pushImage) Update(context.Context, tfresource.UpdateRequest, *tfresource.UpdateResponse) {}
func (pushImage) Delete(context.Context, tfresource.DeleteRequest, *tfresource.DeleteResponse) {}

// One read of the manifesto serves every resource and data source of a run.
func TestAccRequestsOfAPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			count   = 50
			image   = %q
			type    = "t${count.index}"
			content = "content ${count.index}"
		}`, w.ref(":1"))
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig:    w.server.Reset,
			RefreshState: true,
			Check: func(*terraform.State) error {
				// A refresh and the plan that checks it: two runs, each a ping, the manifesto, its layer, the
				// pins and the tag.
				if n := len(w.server.Requests()); n > 2*5 {
					return fmt.Errorf("%d requests: %v", n, w.server.Requests())
				}
				if n := w.server.Count(http.MethodGet, "/blobs/"+oci.DigestOf([]byte("content 0")).String()); n != 0 {
					return fmt.Errorf("content that has not changed was downloaded %d times", n)
				}
				return nil
			},
		},
	)
}

// One pipeline that is the only writer need not wait.
func TestAccSettle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	configure := func(settle string) string {
		return fmt.Sprintf("provider \"manifesto\" {\n  settle = %q\n}\n", settle) + w.metadata(some)
	}
	acceptance(t,
		resource.TestStep{Config: configure("soon"), ExpectError: words(`Invalid duration.*500ms`)},
		resource.TestStep{Config: configure("-1s"), ExpectError: words(`Invalid duration`)},
		resource.TestStep{Config: configure("0s"), Check: w.has("t", "x")},
		resource.TestStep{Config: configure("1ms"), ConfigPlanChecks: emptyPlan},
	)
}
