package layout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// HeadManifest returns the digest of the manifest that GetManifest would return.
func (l *Layout) HeadManifest(ctx context.Context, identifier string) (oci.Digest, error) {
	m, err := l.GetManifest(ctx, identifier)
	return m.Digest, err
}

// DescribeManifest returns the media type, the digest and the size in bytes of the manifest that GetManifest would
// return.
func (l *Layout) DescribeManifest(ctx context.Context, identifier string) (oci.Descriptor, error) {
	m, err := l.GetManifest(ctx, identifier)
	if err != nil {
		return oci.Descriptor{}, err
	}
	return m.Descriptor(), nil
}

// GetManifest returns the manifest of a tag or digest and checks its digest. An empty identifier stands for the only
// image in the layout; the manifests that this program stores do not count. A digest may be that of a manifest that
// the index does not list, such as the child of a multi-platform image.
//
// A missing manifest is oci.ErrNotFound. A manifest that the index names and the layout lacks is ErrDamaged instead,
// because the caller must not take it for absence. ErrSeveralImages means that several images fit.
func (l *Layout) GetManifest(ctx context.Context, identifier string) (oci.Manifest, error) {
	d, err := l.open(ctx)
	if err != nil {
		return oci.Manifest{}, err
	}
	defer d.done()
	ix, err := d.readIndex()
	if err != nil {
		return oci.Manifest{}, err
	}
	m, err := d.manifest(ix, identifier)
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("manifest %s: %w", d.spell(identifier), err)
	}
	return m, nil
}

func (d directory) manifest(ix index, identifier string) (oci.Manifest, error) {
	digest, byDigest := isDigest(identifier)
	var mediaType string
	if byDigest {
		mediaType = ix.mediaType(digest)
	} else {
		found, err := ix.find(identifier)
		if err != nil {
			return oci.Manifest{}, err
		}
		digest, mediaType = found.Digest, found.MediaType
	}
	content, err := d.blob(digest, oci.MaxManifestSize)
	if !byDigest && (errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrBadDigest)) {
		// A caller that took this for absence would replace the manifesto that the index names.
		return oci.Manifest{}, fmt.Errorf("%w: the index names %q, and there is no such blob", ErrDamaged, digest)
	}
	if err != nil {
		return oci.Manifest{}, err
	}
	m := oci.Manifest{MediaType: mediaType, Digest: digest, Content: content}
	if err = m.Check(); err != nil {
		return oci.Manifest{}, err
	}
	if m.MediaType == "" {
		m.MediaType = typeOf(m)
	}
	if m.MediaType == "" {
		return oci.Manifest{}, fmt.Errorf("%w: the blob is not a manifest", oci.ErrNotFound)
	}
	return m, nil
}

// isDigest returns the digest that an identifier is, and false for a tag, which has no colon.
func isDigest(identifier string) (oci.Digest, bool) {
	digest, err := oci.ParseDigest(identifier)
	return digest, err == nil && strings.Contains(identifier, ":")
}

// PutManifest stores a manifest and, for a tag, points the tag in the index at it. The index does not list a manifest
// that is put by digest, because it would count as one more image.
//
// A manifest that names an absent blob is oci.ErrManifestRefused. If the layout's lock is not free before latest, the
// error is oci.ErrLate and the index stays as it is; the zero value sets no deadline. Only oci.ErrAmbiguous means that
// the index may or may not have changed.
func (l *Layout) PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	d, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer d.done()
	if err := d.putManifest(ctx, identifier, m, latest); err != nil {
		return fmt.Errorf("storing manifest %s: %w", d.spell(identifier), err)
	}
	return nil
}

func (d directory) putManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	want, byDigest := isDigest(identifier)
	if byDigest && want != oci.DigestOf(m.Content) {
		return fmt.Errorf("%w: the digest of the content is %s", oci.ErrManifestRefused, oci.DigestOf(m.Content))
	}
	if identifier == "" {
		return fmt.Errorf("%w: neither a tag nor a digest is given", oci.ErrManifestRefused)
	}
	m, err := d.checked(m)
	if err != nil {
		return err
	}
	digest, err := d.putBlob(m.Content)
	if err != nil || byDigest {
		return err
	}
	target := oci.Descriptor{MediaType: m.MediaType, Digest: digest, Size: int64(len(m.Content))}
	return d.tag(ctx, identifier, target, latest)
}

// checked returns a manifest with its media type, if the layout may store it.
func (d directory) checked(m oci.Manifest) (oci.Manifest, error) {
	if len(m.Content) > oci.MaxManifestSize {
		return oci.Manifest{}, fmt.Errorf("%w: %d bytes, the limit is %d",
			oci.ErrTooLarge, len(m.Content), oci.MaxManifestSize)
	}
	if m.MediaType == "" {
		m.MediaType = typeOf(m)
	}
	return m, d.checkReferences(m)
}

// manifestShape has the fields that tell kinds of manifests apart, and the descriptors in them.
type manifestShape struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	Config        *oci.Descriptor  `json:"config"`
	Layers        []oci.Descriptor `json:"layers"`
	Manifests     []oci.Descriptor `json:"manifests"`
}

// named returns the descriptors of what a manifest needs to be there.
func (s manifestShape) named() []oci.Descriptor {
	named := slices.Concat(s.Layers, s.Manifests)
	if s.Config != nil {
		named = append(named, *s.Config)
	}
	return named
}

// typeOf returns the media type of a manifest for which the index has none: the one in the manifest or, because it is
// optional in the OCI formats, the one that the manifest's shape implies. It is empty if m is not a manifest.
func typeOf(m oci.Manifest) string {
	var shape manifestShape
	if m.Decode(&shape) != nil || shape.SchemaVersion != 2 {
		return ""
	}
	switch {
	case shape.MediaType != "":
		return shape.MediaType
	case shape.Manifests != nil:
		return oci.MediaTypeOCIIndex
	case shape.Config != nil && shape.Layers != nil:
		return oci.MediaTypeOCIManifest
	}
	return ""
}

// checkReferences refuses a manifest that names a blob which the layout lacks. Registries do the same, and the pins
// that keep metadata from garbage collection rely on it.
func (d directory) checkReferences(m oci.Manifest) error {
	var shape manifestShape
	if err := m.Decode(&shape); err != nil {
		return fmt.Errorf("%w: %w", oci.ErrManifestRefused, err)
	}
	if m.MediaType == "" {
		return fmt.Errorf("%w: it has no media type", oci.ErrManifestRefused)
	}
	for _, descriptor := range shape.named() {
		_, err := d.blobSize(descriptor.Digest)
		if errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrBadDigest) {
			return fmt.Errorf("%w: it names %q, and there is no such blob", oci.ErrManifestRefused, descriptor.Digest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spell returns the reference of a manifest in this layout.
func (d directory) spell(identifier string) string {
	separator := ":"
	switch {
	case identifier == "":
		separator = ""
	case strings.Contains(identifier, ":"):
		separator = "@"
	}
	return oci.LayoutHost + ":" + d.Name() + separator + identifier
}
