package provider

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// malformedRepository is the summary of errors about an attribute that should name a repository.
const malformedRepository = "Malformed repository"

// repository reads an attribute that names a repository. The error wraps errUnknown or oci.ErrBadReference.
func (d *providerData) repository(text types.String) (oci.Repository, error) {
	switch {
	case d == nil:
		return oci.Repository{}, errNotConfigured
	case text.IsUnknown():
		return oci.Repository{}, errUnknown
	}
	repository, err := oci.ParseRepository(text.ValueString(), d.settings.defaultRegistry)
	if err != nil {
		return oci.Repository{}, err
	}
	needsDefault := d.settings.defaultUnknown && !oci.HasRegistry(text.ValueString())
	if needsDefault || d.settings.unknown(repository.Host()) {
		return oci.Repository{}, errUnknown
	}
	return repository, nil
}

// isRepository accepts the name of a repository, without a tag or digest.
func isRepository() validator.String {
	return textValidator{"a repository, without a tag or digest", func(text string) (string, string) {
		if _, err := oci.ParseRepository(text, ""); err != nil {
			return malformedRepository, repositoryHelp(text, err)
		}
		return "", ""
	}}
}

// repositoryHelp explains an error of reading the name of a repository.
func repositoryHelp(text string, err error) string {
	help := fmt.Sprintf("%q does not name a repository: %v.\n\nWrite its name with the registry's host in front, unless "+
		"it is in the default registry, such as ghcr.io/org/app. An OCI image layout on disk is oci-layout:DIRECTORY.",
		text, err)
	if ref, refErr := oci.ParseReference(text, ""); refErr == nil && (ref.Tag != "" || ref.Digest != "") {
		help += " This text names an image; leave out its tag or digest."
	}
	return help
}

// diagnoseRepository explains an error of an operation, such as "listing the metadata of", on a repository that an
// attribute of this name has.
func (d *providerData) diagnoseRepository(err error, operation, text string, repository oci.Repository) diagnosis {
	var result diagnosis
	switch {
	case errors.Is(err, errUnknown):
		result = diagnoseUnknown(err, text)
	case errors.Is(err, oci.ErrBadReference):
		result = diagnosis{"repository", malformedRepository, repositoryHelp(text, err)}
	default:
		result = d.diagnose(err, operation, repository, "repository "+repository.String())
	}
	if result.attribute != "" {
		result.attribute = "repository" // Advices are written for objects that are about an image.
	}
	return result
}
