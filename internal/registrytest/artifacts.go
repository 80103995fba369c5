package registrytest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Store is where an artifact is pushed to: a repository of a registry, or an image layout.
type Store interface {
	PutBlob(ctx context.Context, content []byte) (oci.Digest, error)
	PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error
	GetManifest(ctx context.Context, identifier string) (oci.Manifest, error)
}

// Artifact is what a tool attaches to an image.
type Artifact struct {
	// Type is the artifactType of the manifest; empty leaves it out.
	Type string
	// ConfigType is the media type of the config; empty means the empty one.
	ConfigType string
	// Layers are the contents of the layers; none means the empty descriptor.
	Layers      []string
	Annotations map[string]string
}

// emptyObject is the content of the empty descriptor.
const emptyObject = "{}"

// Manifest uploads the blobs of an artifact and returns its manifest, which it does not put.
func (a Artifact) Manifest(ctx context.Context, store Store, subject oci.Digest) (oci.Manifest, error) {
	described := func(mediaType, content string) (oci.Descriptor, error) {
		digest, err := store.PutBlob(ctx, []byte(content))
		return oci.Descriptor{MediaType: mediaType, Digest: digest, Size: int64(len(content))}, err
	}
	configType := a.ConfigType
	if configType == "" {
		configType = oci.MediaTypeOCIEmpty
	}
	config, err := described(configType, emptyObject)
	if err != nil {
		return oci.Manifest{}, err
	}
	layers := make([]oci.Descriptor, len(a.Layers))
	for i, content := range a.Layers {
		if layers[i], err = described("application/json", content); err != nil {
			return oci.Manifest{}, err
		}
	}
	if len(layers) == 0 {
		layers = []oci.Descriptor{{MediaType: oci.MediaTypeOCIEmpty, Digest: config.Digest, Size: config.Size}}
	}
	of, err := store.GetManifest(ctx, subject.String())
	if err != nil {
		return oci.Manifest{}, err
	}
	fields := map[string]any{
		"schemaVersion": 2, "mediaType": oci.MediaTypeOCIManifest, "config": config, "layers": layers,
		"subject": oci.Descriptor{MediaType: of.MediaType, Digest: subject, Size: int64(len(of.Content))},
	}
	if a.Type != "" {
		fields["artifactType"] = a.Type
	}
	if a.Annotations != nil {
		fields["annotations"] = a.Annotations
	}
	content, err := json.Marshal(fields)
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("encoding an artifact: %w", err)
	}
	return oci.NewManifest(oci.MediaTypeOCIManifest, content), nil
}

// Attach attaches an artifact to an image, as clients do: it puts the manifest and, for registries without an API for
// referrers, adds it to the list under the fallback tag. It returns the artifact's descriptor.
func Attach(ctx context.Context, store Store, subject oci.Digest, a Artifact) (oci.Descriptor, error) {
	m, err := a.Manifest(ctx, store, subject)
	if err != nil {
		return oci.Descriptor{}, err
	}
	if err := store.PutManifest(ctx, m.Digest.String(), m, time.Time{}); err != nil {
		return oci.Descriptor{}, err
	}
	entry := oci.Descriptor{
		MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(m.Content)), ArtifactType: a.Type,
		Annotations: a.Annotations,
	}
	return entry, AddToList(ctx, store, subject, entry)
}

// AddToList adds entries to the list of referrers under the fallback tag of an image.
func AddToList(ctx context.Context, store Store, subject oci.Digest, entries ...oci.Descriptor) error {
	tag := oci.ReferrersTag(subject)
	var list struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []oci.Descriptor  `json:"manifests"`
		Annotations   map[string]string `json:"annotations"`
	}
	if m, err := store.GetManifest(ctx, tag); err == nil {
		if err := m.Decode(&list); err != nil {
			return err
		}
	}
	list.SchemaVersion, list.MediaType = 2, oci.MediaTypeOCIIndex
	// Olareg keeps the list of its API as a manifest, too, and loses it if a tag is given the same content.
	list.Annotations = map[string]string{"dev.manifesto.test": tag}
	list.Manifests = append(list.Manifests, entries...)
	content, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding a list of referrers: %w", err)
	}
	return store.PutManifest(ctx, tag, oci.NewManifest(oci.MediaTypeOCIIndex, content), time.Time{})
}
