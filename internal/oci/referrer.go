package oci

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxReferrers is how many referrers of an image a list may have. Each of them takes a request.
const MaxReferrers = 5000

// Annotations that say when an artifact was made. The second is that of release candidates of the OCI specifications,
// which some tools still write.
const (
	annotationCreated  = "org.opencontainers.image.created"
	annotationCreated2 = "org.opencontainers.artifact.created"
)

// ReferrersTag returns the fallback tag of a manifest: where a registry has no API for referrers, clients keep their
// list under it.
func ReferrersTag(subject Digest) string { return strings.Replace(subject.String(), ":", "-", 1) }

// ListedReferrer is an entry of a list of referrers. It is what the writer of the list claims: only the manifest itself
// tells its type, and what it is attached to.
type ListedReferrer struct {
	// Digest is as the list has it. It may be empty, or no valid digest.
	Digest Digest
	// ArtifactType is empty if the list does not say it.
	ArtifactType string
	// Annotations are nil if the list has none: many writers of lists leave them out.
	Annotations map[string]string
}

// ParseReferrers returns the entries of a list of referrers, which is an image index. An entry that cannot be read has
// no digest, so that it does not hide the others. The error wraps ErrTooLarge if the list exceeds the bounds of
// Manifest.Check, and ErrBadResponse if it is no index.
func ParseReferrers(m Manifest) ([]ListedReferrer, error) {
	var index struct {
		SchemaVersion int                `json:"schemaVersion"`
		Manifests     *[]json.RawMessage `json:"manifests"`
	}
	switch err := m.Decode(&index); {
	case errors.Is(err, ErrTooLarge):
		return nil, fmt.Errorf("the list of referrers: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%w: the list of referrers: %w", ErrBadResponse, err)
	case index.SchemaVersion != 2 || index.Manifests == nil && !m.IsIndex():
		return nil, fmt.Errorf("%w: the list of referrers is no image index", ErrBadResponse)
	case index.Manifests == nil:
		return nil, nil // Go programs write null for an empty list.
	}
	listed := make([]ListedReferrer, len(*index.Manifests))
	for i, text := range *index.Manifests {
		var entry struct {
			Digest       Digest            `json:"digest"`
			ArtifactType string            `json:"artifactType"`
			Annotations  map[string]string `json:"annotations"`
		}
		_ = json.Unmarshal(text, &entry) // It is JSON. A field of another type than expected stays empty.
		listed[i] = ListedReferrer(entry)
	}
	return listed, nil
}

// Referrer is a manifest that is attached to another one, its subject.
type Referrer struct {
	Digest Digest
	// MediaType is that of the manifest.
	MediaType string
	// ArtifactType says what is attached. It is empty only for an index that does not say it.
	ArtifactType string
	// Size is that of the manifest, in bytes.
	Size        int64
	Annotations map[string]string
	// Layer is the only layer. It is nil if there are none or several, and if the only one is the empty descriptor with
	// which the image specification fills the list of an artifact without content.
	Layer *Descriptor
}

// ParseReferrer reads the manifest of a referrer of subject. The error wraps ErrNotReferrer if the manifest cannot be
// read, or is attached to nothing or to something else.
func ParseReferrer(m Manifest, subject Digest) (Referrer, error) {
	var parsed struct {
		MediaType    string            `json:"mediaType"`
		ArtifactType string            `json:"artifactType"`
		Config       Descriptor        `json:"config"`
		Layers       []Descriptor      `json:"layers"`
		Annotations  map[string]string `json:"annotations"`
	}
	if err := m.Decode(&parsed); err != nil {
		return Referrer{}, fmt.Errorf("%w: %w", ErrNotReferrer, err)
	}
	switch of, err := SubjectOf(m); {
	case err != nil:
		return Referrer{}, fmt.Errorf("%w: %w", ErrNotReferrer, err)
	case of == "":
		return Referrer{}, fmt.Errorf("%w: its manifest names no subject", ErrNotReferrer)
	case of != subject:
		return Referrer{}, fmt.Errorf("%w: it is attached to %s", ErrNotReferrer, of)
	}
	r := Referrer{
		Digest: m.Digest, MediaType: cmp.Or(parsed.MediaType, m.MediaType), Size: int64(len(m.Content)),
		ArtifactType: cmp.Or(parsed.ArtifactType, parsed.Config.MediaType), Annotations: parsed.Annotations,
	}
	if len(parsed.Layers) == 1 && parsed.Layers[0].MediaType != MediaTypeOCIEmpty {
		r.Layer = &parsed.Layers[0]
	}
	return r, r.checkLayer()
}

// Descriptor returns the referrer's entry of a list under a fallback tag, with what the OCI distribution specification
// wants there.
func (r Referrer) Descriptor() Descriptor {
	return Descriptor{
		MediaType: r.MediaType, Digest: r.Digest, Size: r.Size, ArtifactType: r.ArtifactType, Annotations: r.Annotations,
	}
}

// ParseAttached reads a manifest that is to be attached, and returns its subject besides. The error wraps
// ErrNotReferrer if it names none.
func ParseAttached(m Manifest) (r Referrer, subject Digest, err error) {
	if subject, err = SubjectOf(m); err == nil && subject != "" {
		_, err = ParseDigest(subject.String())
	}
	if err != nil {
		return Referrer{}, "", fmt.Errorf("%w: %w", ErrNotReferrer, err)
	}
	r, err = ParseReferrer(m, subject)
	return r, subject, err
}

// checkLayer checks that the layer can be downloaded.
func (r Referrer) checkLayer() error {
	if r.Layer == nil {
		return nil
	}
	if _, err := ParseDigest(r.Layer.Digest.String()); err != nil {
		return fmt.Errorf("%w: its layer: %w", ErrNotReferrer, err)
	}
	if r.Layer.Size < 0 {
		return fmt.Errorf("%w: its layer has the size %d", ErrNotReferrer, r.Layer.Size)
	}
	return nil
}

// SubjectOf returns the digest of the manifest that m is attached to. It is empty if there is none.
func SubjectOf(m Manifest) (Digest, error) {
	var parsed struct {
		Subject *struct {
			Digest Digest `json:"digest"`
		} `json:"subject"`
	}
	if err := m.Decode(&parsed); err != nil || parsed.Subject == nil {
		return "", err
	}
	return parsed.Subject.Digest, nil
}

// Created returns when the artifact was made, as its annotations claim; the zero time if they do not say it.
func (r Referrer) Created() time.Time {
	text := cmp.Or(r.Annotations[annotationCreated], r.Annotations[annotationCreated2])
	created, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return created
}

// Compare orders referrers: the newest first, those that do not say when they were made last, and by their digests if
// that does not decide.
func (r Referrer) Compare(other Referrer) int {
	return cmp.Or(other.Created().Compare(r.Created()), cmp.Compare(r.Digest, other.Digest))
}
