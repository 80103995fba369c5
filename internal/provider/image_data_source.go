package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"golang.org/x/sync/errgroup"
)

// sizeParallel is how many sizes that the manifesto does not state the data source asks for at once.
const sizeParallel = 8

var _ datasource.DataSourceWithConfigure = (*imageDataSource)(nil)

func newImageDataSource() datasource.DataSource { return &imageDataSource{} }

// imageDataSource lists the metadata of one image.
type imageDataSource struct {
	data *providerData
}

// imageDataSourceModel is the configuration and the state of the data source.
type imageDataSourceModel struct {
	subjectModel
	trustModel
	IncludeContent types.Bool             `tfsdk:"include_content"`
	IncludeTypes   types.Set              `tfsdk:"include_types"`
	Types          []string               `tfsdk:"types"`
	Metadata       map[string]listedModel `tfsdk:"metadata"`
}

// listedModel is an element of the map of metadata.
type listedModel struct {
	entryModel
	ArtifactType   types.String `tfsdk:"artifact_type"`
	ArtifactDigest types.String `tfsdk:"artifact_digest"`
	Verified       types.Bool   `tfsdk:"verified"`
	SignedBy       types.String `tfsdk:"signed_by"`
	SignedAt       types.String `tfsdk:"signed_at"`
}

// Metadata implements datasource.DataSource.
func (d *imageDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_image"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *imageDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// maxContents is the limit for all contents of one object, in bytes. Terraform limits the size of a whole message.
const maxContents = 32 << 20

// Schema implements datasource.DataSource.
func (d *imageDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the metadata of an image. An image without metadata has an empty list." + verifiesAll +
			" Name the types that are signed in `include_types` if others are not.",
		Attributes: withSubject("`REPOSITORY@DIGEST`.", withTrust(allVerified, theManifesto, map[string]schema.Attribute{
			"include_content": schema.BoolAttribute{
				MarkdownDescription: "Download the contents as well. Defaults to `false`.",
				Optional:            true,
			},
			"include_types": schema.SetAttribute{
				MarkdownDescription: "List only metadata of these types, and download only its content. Types that the image " +
					"does not have are left out. Defaults to all types.",
				ElementType: types.StringType,
				Optional:    true,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
			},
			"types": schema.ListAttribute{
				MarkdownDescription: "Types of the metadata in the order in which they were added." + keyHelp,
				ElementType:         types.StringType,
				Computed:            true,
			},
			"metadata": schema.MapNestedAttribute{
				MarkdownDescription: "Metadata by type.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: listedAttributes(
					"Size of the content in bytes. Null if another tool stored it in the oldest form and `include_content` " +
						"is not set.",
				)},
			},
		})),
	}
}

// Read implements datasource.DataSource.
func (d *imageDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model imageDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	image, ok := d.data.find(ctx, model.Image, model.Platform, &resp.Diagnostics)
	if !ok {
		return
	}
	v, ok := d.data.verificationFor(ctx, model.Verification, &resp.Diagnostics)
	if !ok {
		return
	}
	if err := d.list(ctx, image, v, &model, &resp.Diagnostics); err != nil {
		diagnoseList(err, image).within(ctx, timeLimit{duration: readTimeout}).addTo(&resp.Diagnostics)
		return
	}
	model.setImage(image.reference.Repository, image.digest)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// list fills in the types and the metadata of an image.
func (d *imageDataSource) list(
	ctx context.Context, image subject, v *verification, model *imageDataSourceModel, diags *diag.Diagnostics,
) error {
	repository := image.reference.Repository
	snapshot, err := d.data.store.Trust(ctx, repository, image.digest, model.demand(v))
	if err != nil {
		return err
	}
	entries := snapshot.Entries(image.digest)
	if !model.IncludeTypes.IsNull() {
		entries = slices.DeleteFunc(entries, func(e format.Entry) bool {
			return !slices.Contains(model.IncludeTypes.Elements(), attr.Value(types.StringValue(keyOfType(e.Type))))
		})
	}
	pieces := make([]manifesto.Described, len(entries))
	for i, entry := range entries {
		pieces[i] = manifesto.Described{Image: image.digest, Entry: entry}
	}
	signatures, err := model.judgeAll(ctx, v, snapshot, repository, pieces, diags)
	if err != nil {
		return err
	}
	contents := make([][]byte, len(entries))
	if model.IncludeContent.ValueBool() {
		contents, err = d.data.store.Contents(ctx, repository, entries, maxContents)
	} else {
		err = d.measure(ctx, image, entries)
	}
	if err != nil {
		return err
	}
	model.Types = make([]string, len(entries))
	model.Metadata = make(map[string]listedModel, len(entries))
	for i, entry := range entries {
		model.Types[i] = keyOfType(entry.Type)
		listed := listedEntry(entry, contents[i])
		if signatures != nil {
			listed.setSignature(signatures[i])
		}
		model.Metadata[model.Types[i]] = listed
	}
	return nil
}

// measure asks the registry for the sizes that the manifesto does not state.
func (d *imageDataSource) measure(ctx context.Context, image subject, entries []format.Entry) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sizeParallel)
	for i, entry := range entries {
		if entry.Digest == "" || entry.Size >= 0 {
			continue // The manifesto names no usable content, or says its size.
		}
		group.Go(func() error {
			piece, err := d.data.store.Get(ctx, image.key(entry.Type))
			entries[i].Size = piece.Size
			return err
		})
	}
	return group.Wait()
}

// listedEntry describes one entry. content is nil if it was not downloaded, or is gone: the other entries are still
// worth listing, and null content shows the loss.
func listedEntry(entry format.Entry, content []byte) listedModel {
	m := listedModel{Verified: types.BoolValue(false)}
	if content != nil {
		m.setContent(content)
		if entry.MediaType == "" {
			entry.MediaType = format.DetectMediaType(content)
		}
	}
	m.setEntry(entry)
	m.Annotations = mapValue(entry.Annotations)
	m.ArtifactType = optionalString(entry.Artifact.Type)
	m.ArtifactDigest = optionalString(entry.Artifact.Digest.String())
	return m
}

// setSignature sets the good signature; the zero value is none.
func (m *listedModel) setSignature(found signing.Found) {
	m.Verified = types.BoolValue(found.Digest != "")
	m.SignedBy, m.SignedAt = optionalString(found.Signer), optionalTime(found.SignedAt)
}

// diagnoseList explains an error of list.
func diagnoseList(err error, image subject) diagnosis {
	name := "image " + image.reference.Repository.Digested(image.digest).String()
	if errors.Is(err, manifesto.ErrContentsTooLarge) {
		return diagnosis{"include_content", "Contents too large", fmt.Sprintf(
			"The contents of %s have more than %d MiB together, which is more than Terraform carries in one object. "+
				"Name fewer types in include_types, or remove include_content and read single pieces with the data source "+
				"manifesto_metadata.",
			name, maxContents>>20)}
	}
	return aboutTrust(image.data.diagnose(err, "listing the metadata of", image.reference.Repository, name), err,
		"Name the types that are signed in include_types to leave out the others.")
}
