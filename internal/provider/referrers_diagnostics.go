package provider

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// diagnoseReferrers explains an error of looking up what is attached to an image.
func diagnoseReferrers(err error, image subject) diagnosis {
	name := "image " + image.reference.Repository.Digested(image.digest).String()
	if large, ok := errors.AsType[*manifesto.LargestReferrerError](err); ok {
		return diagnosis{"include_content", "Contents too large", fmt.Sprintf(
			"The contents of the artifacts attached to %s have more than %d MiB together, which is more than Terraform "+
				"carries in one object. The largest, with %d bytes, is that of %s (%s). Name fewer types in artifact_types, "+
				"or remove include_content.", name, maxContents>>20, large.Largest.Layer.Size, large.Largest.Digest,
			cut(large.Largest.ArtifactType))}
	}
	switch {
	case errors.Is(err, manifesto.ErrReferrersTooLarge):
		return diagnosis{"artifact_types", "Too many referrers", fmt.Sprintf(
			"The annotations of the artifacts attached to %s are more than Terraform carries in one object, which is %d "+
				"MiB here. Name fewer types in artifact_types.", name, maxListing>>20)}
	case errors.Is(err, oci.ErrTooManyReferrers):
		return diagnosis{"image", "Too many referrers", fmt.Sprintf(
			"More than %d artifacts are attached to %s, and each takes a request. The provider does not list some of them "+
				"and leave out others. Remove artifacts that nobody needs any more, such as reports that newer ones replace.",
			oci.MaxReferrers, name)}
	}
	return image.data.diagnose(err, "listing the artifacts attached to", image.reference.Repository, name)
}

// maxUnreadable is how many unreadable entries a warning names.
const maxUnreadable = 10

// warnOfUnreadable adds a warning that names the entries that lead to no artifact. Those that claim another type than
// the filter shows are left out: nobody has asked for them.
func warnOfUnreadable(
	unreadable []manifesto.UnreadableReferrer, filter typeFilter, image subject, diags *diag.Diagnostics,
) {
	var lines []string
	more := 0
	for _, entry := range unreadable {
		switch {
		case entry.ArtifactType != "" && !filter.shows(entry.ArtifactType):
		case len(lines) == maxUnreadable:
			more++
		default:
			lines = append(lines, "  "+describeUnreadable(entry)) // Terraform does not break such a line.
		}
	}
	if len(lines) == 0 {
		return
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("  %d more", more))
	}
	diags.AddAttributeWarning(path.Root("image"), "Referrers left out", fmt.Sprintf(
		"The list of what is attached to image %s names artifacts that cannot be read. They are not among the referrers:"+
			"\n\n%s\n\nA garbage collection may have removed them, or another tool has written the list or the artifact in a "+
			"way of its own. Attach them again, or remove them from the list with the tool that attached them.",
		image.reference.Repository.Digested(image.digest), strings.Join(lines, "\n")))
}

// maxForeignText is the length of the longest foreign text in a line of the warning, in bytes.
const maxForeignText = 200

// describeUnreadable names an entry, and says why it leads to no artifact.
func describeUnreadable(entry manifesto.UnreadableReferrer) string {
	if entry.Digest == "" {
		return "an entry without a digest"
	}
	name := cut(entry.Digest.String())
	if entry.ArtifactType != "" {
		name += " (" + cut(entry.ArtifactType) + ")"
	}
	reason := cut(entry.Reason.Error())
	switch err := entry.Reason; {
	case errors.Is(err, manifesto.ErrContentMissing):
		reason = "the repository does not have its content"
	case errors.Is(err, oci.ErrNotFound):
		reason = "the repository does not have its manifest"
	case errors.Is(err, oci.ErrTooLarge):
		reason = "its manifest is too large"
	case errors.Is(err, oci.ErrNoManifest):
		reason = "it is no manifest that the provider knows"
	}
	return name + ": " + reason
}

// cut returns foreign text in a form that prints as one short line.
func cut(text string) string {
	if len(text) > maxForeignText {
		text = strings.ToValidUTF8(text[:maxForeignText], "") + "…"
	}
	return oci.Printable(text)
}
