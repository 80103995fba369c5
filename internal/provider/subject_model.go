package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// subjectModel is embedded in the model of every object that is about an image. subjectAttributes has the schema.
type subjectModel struct {
	Image       types.String `tfsdk:"image"`
	Platform    types.String `tfsdk:"platform"`
	ID          types.String `tfsdk:"id"`
	Registry    types.String `tfsdk:"registry"`
	Repository  types.String `tfsdk:"repository"`
	ImageDigest types.String `tfsdk:"image_digest"`
}

// setRepository sets what follows from the repository alone.
func (m *subjectModel) setRepository(repository oci.Repository) {
	m.Registry = types.StringValue(repository.Host())
	m.Repository = types.StringValue(repository.String())
}

// setImage sets the computed attributes of an object that is about a whole image.
func (m *subjectModel) setImage(repository oci.Repository, digest oci.Digest) {
	m.setRepository(repository)
	m.ImageDigest = types.StringValue(digest.String())
	m.ID = types.StringValue(repository.Digested(digest).String())
}

// imageStored returns the image that a state, or a plan without unknown values, names. The error wraps
// oci.ErrBadReference or oci.ErrBadDigest.
func (m *subjectModel) imageStored() (oci.Repository, oci.Digest, error) {
	repository, err := oci.ParseRepository(m.Repository.ValueString(), "")
	if err != nil {
		return oci.Repository{}, "", err
	}
	digest, err := oci.ParseDigest(m.ImageDigest.ValueString())
	return repository, digest, err
}

// setKey sets the computed attributes of an object that is about one piece of metadata.
func (m *subjectModel) setKey(key manifesto.Key) {
	m.setImage(key.Repository, key.Image)
	m.ID = types.StringValue(m.ID.ValueString() + "#" + keyOfType(key.Type))
}
