package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// metadataModel is configuration, plan and state of the resource.
type metadataModel struct {
	Image            types.String   `tfsdk:"image"`
	Platform         types.String   `tfsdk:"platform"`
	Type             types.String   `tfsdk:"type"`
	Content          types.String   `tfsdk:"content"`
	ContentBase64    types.String   `tfsdk:"content_base64"`
	Source           types.String   `tfsdk:"source"`
	ContentWO        types.String   `tfsdk:"content_wo"`
	ContentWOVersion types.Int64    `tfsdk:"content_wo_version"`
	MediaType        types.String   `tfsdk:"media_type"`
	Annotations      types.Map      `tfsdk:"annotations"`
	Overwrite        types.Bool     `tfsdk:"overwrite"`
	KeepOnDestroy    types.Bool     `tfsdk:"keep_on_destroy"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
	ID               types.String   `tfsdk:"id"`
	Registry         types.String   `tfsdk:"registry"`
	Repository       types.String   `tfsdk:"repository"`
	ImageDigest      types.String   `tfsdk:"image_digest"`
	Digest           types.String   `tfsdk:"digest"`
	Size             types.Int64    `tfsdk:"size"`
	Created          types.String   `tfsdk:"created"`
	Pinned           types.Bool     `tfsdk:"pinned"`
}

// identityModel is the resource's identity.
type identityModel struct {
	Repository  types.String `tfsdk:"repository"`
	ImageDigest types.String `tfsdk:"image_digest"`
	Type        types.String `tfsdk:"type"`
}

// identity returns the identity of what the model describes.
func (m *metadataModel) identity() identityModel {
	return identityModel{Repository: m.Repository, ImageDigest: m.ImageDigest, Type: m.Type}
}

// key returns the entry that state or a wholly known plan is about.
func (m *metadataModel) key() (manifesto.Key, error) {
	repository, err := oci.ParseRepository(m.Repository.ValueString(), "")
	if err != nil {
		return manifesto.Key{}, err
	}
	image, err := oci.ParseDigest(m.ImageDigest.ValueString())
	if err != nil {
		return manifesto.Key{}, err
	}
	return manifesto.Key{Repository: repository, Image: image, Type: m.Type.ValueString()}, nil
}

// setSubject fills in what follows from the entry's key.
func (m *metadataModel) setSubject(key manifesto.Key) {
	m.Registry = types.StringValue(key.Repository.Host())
	m.Repository = types.StringValue(key.Repository.String())
	m.ImageDigest = types.StringValue(key.Image.String())
	m.ID = types.StringValue(key.String())
}

// setEntry fills in what the manifesto says. What it does not say is null.
func (m *metadataModel) setEntry(piece manifesto.Piece) {
	m.Digest = optionalString(piece.Digest.String())
	m.Size = optionalSize(piece.Size)
	m.MediaType = optionalString(piece.MediaType)
	m.Created = optionalTime(piece.Created)
	m.Pinned = types.BoolValue(piece.Pinned)
	if len(piece.Annotations) > 0 || len(m.Annotations.Elements()) > 0 || m.Annotations.IsUnknown() {
		m.Annotations = optionalMap(piece.Annotations)
	}
}

// setContent keeps the content in the attribute that gives it back unchanged.
func (m *metadataModel) setContent(content []byte) {
	m.Content, m.ContentBase64 = contentValues(content)
}

// contentValues returns content as text where a Terraform string can carry it, else as base64.
func contentValues(content []byte) (text, encoded types.String) {
	if format.IsText(content) {
		return types.StringValue(string(content)), types.StringNull()
	}
	return types.StringNull(), types.StringValue(base64.StdEncoding.EncodeToString(content))
}

// annotations returns the configured annotations; unknown values must not be left.
func (m *metadataModel) annotations(ctx context.Context, diags *diag.Diagnostics) map[string]string {
	if m.Annotations.IsNull() {
		return nil
	}
	var annotations map[string]string
	diags.Append(m.Annotations.ElementsAs(ctx, &annotations, false)...)
	return annotations
}

// content returns the configured content, unless it is not known yet. A write-only content is returned
// as it is now: an ephemeral value may differ between plan and apply.
func (m *metadataModel) content(diags *diag.Diagnostics) (content []byte, known bool) {
	var attribute string
	switch {
	case m.Content.IsUnknown(), m.ContentBase64.IsUnknown(), m.Source.IsUnknown(), m.ContentWO.IsUnknown():
		return nil, false
	case !m.Content.IsNull():
		attribute, content = "content", []byte(m.Content.ValueString())
	case !m.ContentBase64.IsNull():
		attribute = "content_base64"
		decoded, err := base64.StdEncoding.DecodeString(m.ContentBase64.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root(attribute), "Invalid base64", sentence(err))
			return nil, false
		}
		content = decoded
	case !m.Source.IsNull():
		attribute = "source"
		read, ok := readSource(m.Source.ValueString(), diags)
		if !ok {
			return nil, false
		}
		content = read
	default:
		attribute, content = "content_wo", []byte(m.ContentWO.ValueString())
	}
	switch {
	case len(content) == 0:
		diags.AddAttributeError(path.Root(attribute), "Empty content",
			"Metadata without content cannot be told from metadata that is not there. Give it some content, or remove the resource.")
		return nil, false
	case len(content) > format.MaxContent:
		diags.AddAttributeError(path.Root(attribute), "Content too large",
			fmt.Sprintf("The content has %d bytes; the limit is %d (16 MiB).", len(content), format.MaxContent))
		return nil, false
	}
	return content, true
}

// readSource reads the file under source, as far as it may be large.
func readSource(name string, diags *diag.Diagnostics) ([]byte, bool) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		diags.AddAttributeError(path.Root("source"), "File not found",
			fmt.Sprintf("There is no file %q. Relative paths start at the directory in which Terraform runs; "+
				"write \"${path.module}/…\" for a file beside the configuration. A file that another resource makes in the "+
				"same apply is not there at plan: use that resource's content attribute with content or content_base64.", name))
		return nil, false
	case err == nil && info.Size() > format.MaxContent:
		diags.AddAttributeError(path.Root("source"), "Content too large",
			fmt.Sprintf("The file %q has %d bytes; the limit is %d (16 MiB).", name, info.Size(), format.MaxContent))
		return nil, false
	}
	var content []byte
	if err == nil {
		content, err = readFile(name)
	}
	if err != nil {
		diags.AddAttributeError(path.Root("source"), "File cannot be read", sentence(err))
		return nil, false
	}
	return content, true
}

// readFile reads one byte more than content may have, of whatever the name leads to.
func readFile(name string) (content []byte, err error) {
	file, err := os.Open(name) //nolint:gosec // The user names the file.
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, format.MaxContent+1))
}

// Null for what is not there.

func optionalString(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func optionalSize(size int64) types.Int64 {
	if size < 0 {
		return types.Int64Null()
	}
	return types.Int64Value(size)
}

func optionalTime(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

func optionalMap(values map[string]string) types.Map {
	if len(values) == 0 {
		return types.MapNull(types.StringType)
	}
	return mapValue(values)
}

// mapValue is a map that is empty, not null, where there is nothing.
func mapValue(values map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}
