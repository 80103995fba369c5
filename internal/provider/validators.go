package provider

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var _ validator.String = textValidator{}

// textValidator accepts a text unless its check finds something wrong. It skips null and unknown values.
type textValidator struct {
	// description completes "value must be".
	description string
	// check returns what is wrong and what to do. An empty summary accepts the text.
	check func(text string) (summary, detail string)
}

// Description implements validator.Describer.
func (v textValidator) Description(context.Context) string { return "value must be " + v.description }

// MarkdownDescription implements validator.Describer.
func (v textValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v textValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if summary, detail := v.check(req.ConfigValue.ValueString()); summary != "" {
		resp.Diagnostics.AddAttributeError(req.Path, summary, detail)
	}
}

// isHost accepts a registry's host with an optional port.
func isHost() validator.String {
	return textValidator{"a registry's host with an optional port", func(text string) (string, string) {
		if _, err := oci.ParseHost(text); err != nil {
			return "Invalid registry", hostHelp(text, err)
		}
		return "", ""
	}}
}

// isReference accepts a reference to an image, unless it names one of the tags that hold the metadata.
func isReference() validator.String {
	return textValidator{"a reference to an image, by tag or digest", func(text string) (string, string) {
		_, summary, detail := parseImage(text)
		return summary, detail
	}}
}

// parseImage reads a reference to an image without a default registry. Otherwise it returns what is wrong and what to
// do.
func parseImage(text string) (ref oci.Reference, summary, detail string) {
	ref, err := oci.ParseReference(text, "")
	if err != nil {
		return ref, malformedReference, referenceHelp(text, err)
	}
	if strings.HasPrefix(ref.Tag, format.Tag) {
		return ref, "Not an image to describe", fmt.Sprintf("The tag %q holds the metadata itself, and moves with every "+
			"change. Name the image that the metadata describes.", ref.Tag)
	}
	return ref, "", ""
}

// referenceHelp explains an error of reading a reference. Who means a registry is not told about layouts.
func referenceHelp(text string, err error) string {
	how := "Write it as Docker does: REPOSITORY:TAG or REPOSITORY@sha256:DIGEST, with the registry's host in front " +
		"unless it is the default registry, such as ghcr.io/org/app:1.2."
	if strings.HasPrefix(text, oci.LayoutHost) {
		how = "An image of an OCI image layout on disk is oci-layout:DIRECTORY:TAG, oci-layout:DIRECTORY@sha256:DIGEST or, " +
			"if the layout has only one image, oci-layout:DIRECTORY."
	}
	return fmt.Sprintf("%q does not name an image: %v.\n\n%s", text, err, how)
}

// isPlatform accepts os/architecture[/variant].
func isPlatform() validator.String {
	return textValidator{"os/architecture[/variant]", func(text string) (string, string) {
		if _, err := oci.ParsePlatform(text); err != nil {
			return malformedPlatform, sentence(err)
		}
		return "", ""
	}}
}

// isSettleTime accepts a duration that is not negative.
func isSettleTime() validator.String {
	return textValidator{"a duration that is not negative", func(text string) (string, string) {
		if settle, err := time.ParseDuration(text); err != nil || settle < 0 {
			return "Invalid duration", fmt.Sprintf("%q is not a duration such as 500ms or 2s. Use 0s for no wait.", text)
		}
		return "", ""
	}}
}

// isTimeout accepts a duration that is not zero or negative. Its error names the attribute.
func isTimeout(attribute string) validator.String {
	return textValidator{"a positive duration", func(text string) (string, string) {
		if timeout, err := time.ParseDuration(text); err != nil || timeout <= 0 {
			return "Invalid duration", fmt.Sprintf("%s = %q is not a duration such as 90s, 5m or 1h30m.", attribute, text)
		}
		return "", ""
	}}
}

// isContent accepts text that can be stored.
func isContent() validator.String {
	return textValidator{"not empty", func(text string) (string, string) {
		return checkContent(len(text))
	}}
}

// isSource accepts a path.
func isSource() validator.String {
	return textValidator{"the path of a file", func(text string) (string, string) {
		if text == "" {
			return "Empty path", "source is the path of a file with the content, and it is empty. Name a file, such as " +
				"\"${path.module}/report.json\", or set content instead."
		}
		return "", ""
	}}
}

// isMediaType accepts a media type with or without parameters.
func isMediaType() validator.String {
	return textValidator{"a media type", checkMediaType}
}

// checkMediaType returns what is wrong with a media type, and what to do. An empty summary accepts it.
func checkMediaType(text string) (summary, detail string) {
	name, _, err := mime.ParseMediaType(text)
	if err != nil || !format.IsMediaType(name) || strings.TrimSpace(text) != text {
		return "Invalid media type", fmt.Sprintf("%q is not a media type such as application/json, "+
			"application/vnd.example.report+json or text/plain; charset=utf-8 (RFC 6838).", text)
	}
	return "", ""
}

// isArtifactType accepts a media type without parameters.
func isArtifactType() validator.String {
	return textValidator{"a media type without parameters", checkArtifactType}
}

// isRequestTimeout accepts a duration of at least a second.
func isRequestTimeout() validator.String {
	return textValidator{"a duration of at least 1s", func(text string) (string, string) {
		if timeout, err := time.ParseDuration(text); err != nil || timeout < time.Second {
			return "Invalid duration", fmt.Sprintf("%q is not a duration of at least one second, such as 30s or 2m.", text)
		}
		return "", ""
	}}
}

// isDockerConfig accepts a Docker configuration. The error does not repeat the value, which holds secrets.
func isDockerConfig() validator.String {
	return textValidator{"the JSON of a Docker configuration", func(text string) (string, string) {
		if _, err := credentials.ParseConfig([]byte(text)); err != nil {
			return "Invalid Docker configuration", sentence(err)
		}
		return "", ""
	}}
}

// isPEM accepts text with a block in PEM form. The error does not repeat the value, which may be a key.
func isPEM() validator.String {
	return textValidator{"PEM", func(text string) (string, string) {
		if block, _ := pem.Decode([]byte(text)); block == nil {
			return "Not PEM", "The value has no block in PEM form (-----BEGIN …). Pass the text of the file, such as " +
				"file(\"ca.pem\"), and not its path."
		}
		return "", ""
	}}
}

// isBase64 accepts standard base64 with padding, of content that can be stored.
func isBase64() validator.String {
	return textValidator{"base64", func(text string) (string, string) {
		content, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "Invalid base64", fmt.Sprintf("The value is not standard base64 with padding: %v.\n\n"+
				"Use base64encode or filebase64.", err)
		}
		return checkContent(len(content))
	}}
}

var _ validator.Map = annotationCount{}

// annotationCount accepts as many annotations as readers of the manifesto accept.
type annotationCount struct{}

// Description implements validator.Describer.
func (annotationCount) Description(context.Context) string {
	return fmt.Sprintf("there must be at most %d annotations", format.MaxAnnotations)
}

// MarkdownDescription implements validator.Describer.
func (v annotationCount) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap implements validator.Map.
func (annotationCount) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	if summary, detail := checkAnnotationCount(len(req.ConfigValue.Elements())); summary != "" {
		resp.Diagnostics.AddAttributeError(req.Path, summary, detail)
	}
}

// checkAnnotationCount returns what is wrong with a number of annotations, and what to do. An empty summary accepts it.
func checkAnnotationCount(count int) (summary, detail string) {
	if count <= format.MaxAnnotations {
		return "", ""
	}
	return "Too many annotations", fmt.Sprintf(
		"There are %d annotations; the limit is %d, because readers ignore the annotations of an entry with more. Store "+
			"them as content, in JSON for example.", count, format.MaxAnnotations)
}
