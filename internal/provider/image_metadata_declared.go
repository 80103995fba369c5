package provider

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// declaredPiece is an element of metadata in a configuration or a plan.
type declaredPiece struct {
	imagePiece
	// key is the element's key, and typ the type that it means.
	key, typ string
	// bytes are the content; nil if it is not known yet. digest is its digest.
	bytes  []byte
	digest oci.Digest
}

// declared returns the elements of metadata, sorted by their keys. If an element is wrong, diags has errors. known is
// false if the map is unknown as a whole.
func (m *imageMetadataModel) declared(diags *diag.Diagnostics) (declared []declaredPiece, known bool) {
	errs := elementErrors{diags: diags}
	size := int64(0)
	for key, piece := range m.pieces() {
		d := declaredPiece{imagePiece: piece, key: key, typ: typeOfKey(key)}
		if summary, detail := d.parse(); summary != "" {
			errs.add("metadata", key, summary, detail)
			continue
		}
		size += int64(len(d.bytes))
		declared = append(declared, d)
	}
	slices.SortFunc(declared, func(x, y declaredPiece) int { return strings.Compare(x.key, y.key) })
	if errs.close() {
		checkContents(size, "metadata", diags)
	}
	return declared, !m.Metadata.IsUnknown()
}

// parse reads the element. A summary that is not empty says what is wrong.
func (d *declaredPiece) parse() (summary, detail string) {
	const rule = "Exactly one of content and content_base64 gives the content"
	unknown := d.content.IsUnknown() || d.contentBase64.IsUnknown()
	switch {
	case d.key == "":
		return "Empty type", "A type is any text that is not empty. Give the metadata a type."
	case !d.content.IsNull() && !d.contentBase64.IsNull() && !unknown:
		return "More than one content", rule + "; here it is both. Remove one of them."
	case !unknown && !d.hasContent():
		return "No content", rule + "; here it is none of them. Set one, or remove the element to store no metadata of the " +
			"type."
	}
	if !unknown {
		text, isBase64 := d.content.ValueString(), !d.contentBase64.IsNull()
		if isBase64 {
			text = d.contentBase64.ValueString()
		}
		if d.bytes, summary, detail = decodeContent(text, isBase64); summary != "" {
			return summary, detail
		}
		d.digest = oci.DigestOf(d.bytes)
	}
	return d.parseFacts()
}

// parseFacts reads everything but the content.
func (d *declaredPiece) parseFacts() (summary, detail string) {
	if !d.mediaType.IsNull() && !d.mediaType.IsUnknown() {
		if summary, detail = checkMediaType(d.mediaType.ValueString()); summary != "" {
			return summary, detail
		}
	}
	if !d.artifactType.IsNull() && !d.artifactType.IsUnknown() {
		if summary, detail = checkArtifactType(d.artifactType.ValueString()); summary != "" {
			return summary, detail
		}
	}
	annotations := d.annotations.Elements()
	for key, value := range annotations {
		if value.IsNull() {
			return emptyAnnotation, annotationHelp(key)
		}
	}
	return checkAnnotationCount(len(annotations))
}

// checkJSON checks the schemas of json_schema, and the known contents of their types. If it returns false, diags has
// errors.
func (m *imageMetadataModel) checkJSON(declared []declaredPiece, diags *diag.Diagnostics) bool {
	errs := elementErrors{diags: diags}
	schemas := map[string]*jsonschema.Schema{}
	for key, value := range m.JSONSchema.Elements() {
		text, ok := value.(types.String)
		if !ok || text.IsNull() || text.IsUnknown() {
			continue
		}
		schema, err := jsonschema.Compile(text.ValueString())
		if err != nil {
			errs.add("json_schema", key, invalidSchema, schemaHelp(err))
			continue
		}
		schemas[key] = schema
	}
	for _, d := range declared {
		if schema := schemas[d.key]; schema != nil && d.bytes != nil {
			if messages := schema.Check(d.bytes); len(messages) > 0 {
				errs.add("metadata", d.key, mismatchedSchema, mismatchHelp(messages))
			}
		}
	}
	return errs.close()
}

// entriesOf returns the entries that elements declare for an image.
func (m *imageMetadataModel) entriesOf(image subject, declared []declaredPiece) []bulkEntry {
	reference := image.data.declaredAs(&m.subjectModel)
	entries := make([]bulkEntry, 0, len(declared))
	for _, d := range declared {
		entry := bulkEntry{
			key: image.key(d.typ), attribute: "metadata", element: d.key, reference: reference,
			content: d.bytes, digest: d.digest, mediaType: d.mediaType.ValueString(), annotations: textsOf(d.annotations),
			artifactType: artifactTypeOf(d.artifactType, d.typ, m.Signed.ValueBool()), signs: m.Signed.ValueBool(),
		}
		if entry.mediaType == "" && d.bytes != nil {
			entry.mediaType = format.DetectMediaType(d.bytes)
		}
		entries = append(entries, entry)
	}
	return entries
}

// publishes reports whether elements are artifacts even if they are not signed.
func publishes(declared []declaredPiece) bool {
	return slices.ContainsFunc(declared, func(d declaredPiece) bool { return !d.artifactType.IsNull() })
}

// setDigests plans digests. Without a known map they are unknown.
func (m *imageMetadataModel) setDigests(declared []declaredPiece, known bool) {
	if !known {
		m.Digests = types.MapUnknown(types.StringType)
		return
	}
	digests := make(map[string]attr.Value, len(declared))
	for _, d := range declared {
		digests[d.key] = types.StringUnknown()
		if d.digest != "" {
			digests[d.key] = types.StringValue(d.digest.String())
		}
	}
	m.Digests = types.MapValueMust(types.StringType, digests)
}

// piecesOf returns elements by key.
func piecesOf(declared []declaredPiece) map[string]imagePiece {
	pieces := make(map[string]imagePiece, len(declared))
	for _, d := range declared {
		pieces[d.key] = d.imagePiece
	}
	return pieces
}
