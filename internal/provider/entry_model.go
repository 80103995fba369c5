package provider

import (
	"encoding/base64"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// entryModel is what the provider shows of one piece of metadata besides its type. It is embedded in the models of the
// resource and of the data source manifesto_metadata, and it is an element of the map in manifesto_image.
type entryModel struct {
	Digest        types.String `tfsdk:"digest"`
	Size          types.Int64  `tfsdk:"size"`
	MediaType     types.String `tfsdk:"media_type"`
	Created       types.String `tfsdk:"created"`
	Annotations   types.Map    `tfsdk:"annotations"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
}

// setEntry sets everything but annotations and content. An attribute is null if the manifesto does not have it.
func (m *entryModel) setEntry(entry format.Entry) {
	m.Digest = optionalString(entry.Digest.String())
	m.Size = optionalSize(entry.Size)
	m.MediaType = optionalString(entry.MediaType)
	m.Created = optionalTime(entry.Created)
}

// setContent stores the content.
func (m *entryModel) setContent(content []byte) {
	m.Content, m.ContentBase64 = contentValues(content)
}

// contentValues returns content as text if a Terraform string can carry it unchanged, and as base64 otherwise. The
// other one of the two is null.
func contentValues(content []byte) (text, encoded types.String) {
	if format.IsText(content) {
		return types.StringValue(string(content)), types.StringNull()
	}
	return types.StringNull(), types.StringValue(base64.StdEncoding.EncodeToString(content))
}

// setAdoptedContent is setContent for metadata that was imported or listed. It stores as base64 what a configuration
// that Terraform generates from it would change.
func (m *entryModel) setAdoptedContent(content []byte) {
	if format.IsText(content) && survivesGeneration(string(content)) {
		m.setContent(content)
		return
	}
	m.Content, m.ContentBase64 = types.StringNull(), types.StringValue(base64.StdEncoding.EncodeToString(content))
}

// clearContent shows that there is no content.
func (m *entryModel) clearContent() {
	m.Content, m.ContentBase64 = types.StringNull(), types.StringNull()
}
