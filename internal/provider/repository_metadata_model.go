package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// repositoryMetadataModel is the configuration, the plan and the state of the resource.
type repositoryMetadataModel struct {
	Repository, Type     types.String
	Images, ImagesBase64 textMap
	MediaType            types.String
	Annotations          types.Map
	JSONSchema           types.String
	OnTagMove            types.String
	Overwrite            types.Bool
	KeepOnDestroy        types.Bool
	Timeouts             timeouts.Value
	ID                   types.String
	// ImageDigests and Digests have the elements of Images and ImagesBase64. In a state they also have entries whose
	// content is lost, or could not be shown.
	ImageDigests, Digests textMap
	// Differing says of keys which of media_type and annotations their entries have otherwise. It is null if none have.
	Differing    textMap
	Pinned       types.Bool
	ArtifactType types.String
	bulkSignatureModel
}

// repositoryMetadataIdentity is the identity of the resource.
type repositoryMetadataIdentity struct {
	Repository types.String `tfsdk:"repository"`
	Type       types.String `tfsdk:"type"`
}

// decode sets the model to a configuration, a plan or a state.
func (m *repositoryMetadataModel) decode(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) {
	d := objectDecoder{ctx: ctx}
	d.err = raw.As(&d.values)
	*m = repositoryMetadataModel{
		Repository: d.text("repository"), Type: d.text("type"),
		Images: d.textMap("images"), ImagesBase64: d.textMap("images_base64"),
		MediaType:   d.text("media_type"),
		Annotations: decodeAs[types.Map](&d, "annotations", types.MapType{ElemType: types.StringType}),
		JSONSchema:  d.text("json_schema"), OnTagMove: d.text("on_tag_move"),
		Overwrite: d.boolean("overwrite"), KeepOnDestroy: d.boolean("keep_on_destroy"),
		Timeouts: decodeAs[timeouts.Value](&d, "timeouts", timeoutsType()),
		ID:       d.text("id"), ImageDigests: d.textMap("image_digests"), Digests: d.textMap("digests"),
		Differing: d.textMap("differing"), Pinned: d.boolean("pinned"), ArtifactType: d.text("artifact_type"),
		bulkSignatureModel: d.bulkSignature(),
	}
	if d.err != nil {
		diags.AddError("Unreadable value", sentence(d.err)+" This is a bug of the provider.")
	}
}

// encode returns a plan or state that differs from raw in what the provider sets.
func (m *repositoryMetadataModel) encode(
	ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics,
) tftypes.Value {
	values := map[string]tftypes.Value{}
	err := raw.As(&values)
	set := func(name string, value tftypes.Value, valueErr error) {
		values[name] = value
		if err == nil {
			err = valueErr
		}
	}
	for name, attribute := range map[string]attr.Value{
		"repository": m.Repository, "media_type": m.MediaType, "annotations": m.Annotations, "id": m.ID,
		"pinned": m.Pinned, "artifact_type": m.ArtifactType, "sign": m.Sign, "attached": m.Attached, "signed": m.Signed,
		"signed_by": m.SignedBy, "signed_at": m.SignedAt, "expires_at": m.ExpiresAt,
	} {
		value, valueErr := attribute.ToTerraformValue(ctx)
		set(name, value, valueErr)
	}
	for name, value := range map[string]textMap{
		"images": m.Images, "images_base64": m.ImagesBase64, "image_digests": m.ImageDigests, "digests": m.Digests,
		"differing": m.Differing,
	} {
		set(name, value.value(), nil)
	}
	if err != nil {
		diags.AddError("Unwritable value", sentence(err)+" This is a bug of the provider.")
		return raw
	}
	return tftypes.NewValue(raw.Type(), values)
}

// setID sets the computed attributes that follow from the repository.
func (m *repositoryMetadataModel) setID(repository oci.Repository) {
	m.ID = types.StringUnknown()
	if !m.Type.IsUnknown() {
		m.ID = types.StringValue(repository.String() + "#" + m.Type.ValueString())
	}
}

// stored returns the repository of a state. The error wraps oci.ErrBadReference.
func (m *repositoryMetadataModel) stored() (oci.Repository, error) {
	return oci.ParseRepository(strings.TrimSuffix(m.ID.ValueString(), "#"+m.Type.ValueString()), "")
}

func (m *repositoryMetadataModel) identity(repository oci.Repository) repositoryMetadataIdentity {
	return repositoryMetadataIdentity{Repository: types.StringValue(repository.String()), Type: m.Type}
}

// bulk returns the resource's dealings with the registry and with people.
func (m *repositoryMetadataModel) bulk(data *providerData, repository oci.Repository, limit timeLimit) bulk {
	return bulk{
		data: data, repository: repository, limit: limit, entries: "images", subject: "repository",
		filter: manifesto.Filter{Type: typeIn(m.Type)},
		what:   fmt.Sprintf("metadata %q of repository %s", m.Type.ValueString(), repository),
		name:   func(key manifesto.Key) string { return m.describe(key.Image) },
	}
}

// describe names an image and the tags that declare it.
func (m *repositoryMetadataModel) describe(image oci.Digest) string {
	var tags []string
	for _, key := range keysOf(m.ImageDigests.texts)[image] {
		if declaredByKey(key) == key {
			tags = append(tags, key)
		}
	}
	if len(tags) == 0 {
		return "image " + image.String()
	}
	return fmt.Sprintf("image %s (%s)", image, strings.Join(tags, ", "))
}

// keysOf returns the elements of image_digests by the image that they name, in sorted order.
func keysOf(imageDigests map[string]string) map[oci.Digest][]string {
	keys := make(map[oci.Digest][]string, len(imageDigests))
	for key, image := range imageDigests {
		keys[oci.Digest(image)] = append(keys[oci.Digest(image)], key)
	}
	for _, named := range keys {
		slices.Sort(named)
	}
	return keys
}

// held returns what a state has. stale says that the plan stores other media types or annotations than the state has.
func (m *repositoryMetadataModel) held(repository oci.Repository, stale bool) map[manifesto.Key]bulkHeld {
	held := make(map[manifesto.Key]bulkHeld, len(m.ImageDigests.texts))
	for image, keys := range keysOf(m.ImageDigests.texts) {
		current := bulkHeld{
			reference: declaredByKey(keys[0]), digest: oci.Digest(m.Digests.texts[keys[0]]), repair: true,
			stale: stale || m.Differing.texts[keys[0]] != "", artifactType: m.ArtifactType.ValueString(),
		}
		for _, key := range keys {
			_, isText := m.Images.texts[key]
			_, isBase64 := m.ImagesBase64.texts[key]
			if isText || isBase64 {
				current.repair = false // The state lacks only contents that are lost, or could not be shown.
			}
		}
		held[manifesto.Key{Repository: repository, Image: image, Type: typeIn(m.Type)}] = current
	}
	return held
}

// annotations returns the annotations of all entries, which must be known.
func (m *repositoryMetadataModel) annotations() map[string]string { return textsOf(m.Annotations) }
