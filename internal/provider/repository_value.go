package provider

import (
	"encoding/base64"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// The functions below build the attribute images of the data source manifesto_repository in the form in which the
// protocol carries it. For a repository of ten thousand images, a conversion by the framework's reflection would take
// most of the time of the look-up.

// listedTypes are the types of the values.
type listedTypes struct {
	annotations, tags tftypes.Type
	entry, image      tftypes.Object
	metadata, images  tftypes.Map
}

func newListedTypes() listedTypes {
	t := listedTypes{
		annotations: tftypes.Map{ElementType: tftypes.String},
		tags:        tftypes.List{ElementType: tftypes.String},
	}
	t.entry = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"digest": tftypes.String, "size": tftypes.Number, "media_type": tftypes.String, "created": tftypes.String,
		"annotations": t.annotations, "content": tftypes.String, "content_base64": tftypes.String,
		"artifact_type": tftypes.String, "artifact_digest": tftypes.String, "verified": tftypes.Bool,
		"signed_by": tftypes.String, "signed_at": tftypes.String,
	}}
	t.metadata = tftypes.Map{ElementType: t.entry}
	t.image = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"tags": t.tags, "gone": tftypes.Bool, "metadata": t.metadata,
	}}
	t.images = tftypes.Map{ElementType: t.image}
	return t
}

// value returns the attribute images.
func (t listedTypes) value(images []listedImage) tftypes.Value {
	elements := make(map[string]tftypes.Value, len(images))
	for _, image := range images {
		elements[image.Digest.String()] = t.imageValue(image)
	}
	return tftypes.NewValue(t.images, elements)
}

func (t listedTypes) imageValue(image listedImage) tftypes.Value {
	tags := tftypes.NewValue(t.tags, nil)
	if image.tags != nil {
		tags = tftypes.NewValue(t.tags, stringValues(image.tags))
	}
	metadata := make(map[string]tftypes.Value, len(image.Entries))
	for i, entry := range image.Entries {
		var content []byte
		if image.contents != nil {
			content = image.contents[i]
		}
		var signature signing.Found
		if image.signatures != nil {
			signature = image.signatures[i]
		}
		metadata[keyOfType(entry.Type)] = t.entryValue(entry, content, signature)
	}
	return tftypes.NewValue(t.image, map[string]tftypes.Value{
		"tags":     tags,
		"gone":     tftypes.NewValue(tftypes.Bool, image.gone),
		"metadata": tftypes.NewValue(t.metadata, metadata),
	})
}

// entryValue returns an element of metadata. content is nil if it was not downloaded, or is gone. signature is zero if
// none was verified.
func (t listedTypes) entryValue(entry format.Entry, content []byte, signature signing.Found) tftypes.Value {
	var text, encoded, size any
	if content != nil {
		if entry.MediaType == "" {
			entry.MediaType = format.DetectMediaType(content)
		}
		if format.IsText(content) {
			text = string(content)
		} else {
			encoded = base64.StdEncoding.EncodeToString(content)
		}
	}
	if entry.Size >= 0 {
		size = entry.Size
	}
	annotations := make(map[string]tftypes.Value, len(entry.Annotations))
	for key, value := range entry.Annotations {
		annotations[key] = tftypes.NewValue(tftypes.String, value)
	}
	return tftypes.NewValue(t.entry, map[string]tftypes.Value{
		"digest":         nullIfEmpty(entry.Digest.String()),
		"size":           tftypes.NewValue(tftypes.Number, size),
		"media_type":     nullIfEmpty(entry.MediaType),
		"created":        nullIfZero(entry.Created),
		"annotations":    tftypes.NewValue(t.annotations, annotations),
		"content":        tftypes.NewValue(tftypes.String, text),
		"content_base64": tftypes.NewValue(tftypes.String, encoded),

		"artifact_type":   nullIfEmpty(entry.Artifact.Type),
		"artifact_digest": nullIfEmpty(entry.Artifact.Digest.String()),
		"verified":        tftypes.NewValue(tftypes.Bool, signature.Digest != ""),
		"signed_by":       nullIfEmpty(signature.Signer),
		"signed_at":       nullIfZero(signature.SignedAt),
	})
}

func nullIfZero(t time.Time) tftypes.Value {
	if t.IsZero() {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, t.UTC().Format(time.RFC3339))
}

func nullIfEmpty(s string) tftypes.Value {
	if s == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, s)
}

func stringValues(texts []string) []tftypes.Value {
	values := make([]tftypes.Value, len(texts))
	for i, text := range texts {
		values[i] = tftypes.NewValue(tftypes.String, text)
	}
	return values
}
