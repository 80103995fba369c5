package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var _ function.Function = (*parseReferenceFunction)(nil)

func newParseReferenceFunction() function.Function { return &parseReferenceFunction{} }

// parseReferenceFunction takes a reference to an image apart.
type parseReferenceFunction struct{}

// parsedReference is the result of parse_reference.
type parsedReference struct {
	Name       types.String `tfsdk:"name"`
	Registry   types.String `tfsdk:"registry"`
	Repository types.String `tfsdk:"repository"`
	Tag        types.String `tfsdk:"tag"`
	Digest     types.String `tfsdk:"digest"`
}

// Metadata implements function.Function.
func (*parseReferenceFunction) Metadata(
	_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse,
) {
	resp.Name = "parse_reference"
}

// Definition implements function.Function.
func (*parseReferenceFunction) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = function.Definition{
		Summary: "Parse a reference to an image",
		MarkdownDescription: "Returns the parts of a reference to an image, as the attribute `image` of this provider's " +
			"objects reads it, without a look at the registry. A malformed reference is an error. The result is an object:\n\n" +
			"- `name`: the canonical spelling of the reference, such as `docker.io/library/alpine:latest` for `alpine`. It " +
			"ends with the digest if there is one, and with the tag otherwise.\n" +
			"- `registry`: host of the registry, such as `ghcr.io` or `docker.io`; `oci-layout` for a layout on disk.\n" +
			"- `repository`: repository with the registry's host, such as `docker.io/library/alpine`, or " +
			"`oci-layout:DIRECTORY`.\n" +
			"- `tag`: the tag. `latest` if the reference has neither tag nor digest; null if it has a digest only, and for " +
			"a layout that is named without a tag.\n" +
			"- `digest`: the digest, such as `sha256:…`; null if the reference has none.\n\n" +
			"A reference without a registry belongs to Docker Hub: functions do not know the provider's " +
			"`default_registry`.",
		Parameters: []function.Parameter{function.StringParameter{
			Name: "reference",
			MarkdownDescription: "Reference to an image, by tag or digest, such as `alpine`, `ghcr.io/org/app:1.2`, " +
				"`ghcr.io/org/app@sha256:…` or `oci-layout:DIRECTORY:TAG`.",
		}},
		Return: function.ObjectReturn{AttributeTypes: map[string]attr.Type{
			"name":       types.StringType,
			"registry":   types.StringType,
			"repository": types.StringType,
			"tag":        types.StringType,
			"digest":     types.StringType,
		}},
	}
}

// Run implements function.Function.
func (*parseReferenceFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	ref, summary, detail := parseImage(text)
	if summary != "" {
		resp.Error = function.NewArgumentFuncError(0, detail)
		return
	}
	resp.Error = resp.Result.Set(ctx, parsedReference{
		Name:       types.StringValue(ref.String()),
		Registry:   types.StringValue(ref.Repository.Host()),
		Repository: types.StringValue(ref.Repository.String()),
		Tag:        optionalString(writtenTag(text, ref)),
		Digest:     optionalString(ref.Digest.String()),
	})
}

// writtenTag returns the tag of a reference, also if it has a digest besides.
func writtenTag(text string, ref oci.Reference) string {
	if ref.Digest == "" {
		return ref.Tag
	}
	text, _, _ = strings.Cut(text, "@"+ref.Digest.String())
	tagged, err := oci.ParseReference(text, "")
	if err != nil || !strings.HasSuffix(text, ":"+tagged.Tag) { // Otherwise the tag would be the default.
		return ""
	}
	return tagged.Tag
}
