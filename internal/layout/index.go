package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// maxIndex bounds index.json in bytes: some fifty thousand images.
const maxIndex = 16 << 20

// indexLimits bound what is allocated for index.json. A descriptor with a media type, a digest and a size takes 150
// bytes or more, so that an honest index reaches maxIndex first.
var indexLimits = rawjson.Limits{List: 120_000, Total: 1_000_000}

// Annotations of a descriptor in index.json that name its image.
const (
	// annotationName comes from the OCI image specification. Most tools write a tag there. Some (crane, older
	// BuildKit, rules_oci) write a whole reference, which the specification allows too.
	annotationName = "org.opencontainers.image.ref.name"
	// annotationContainerd has the whole reference. containerd, Docker and BuildKit write it besides the other.
	annotationContainerd = "io.containerd.image.name"
)

// mediaTypeDockerConfig is the media type of the config of images that Docker builds.
const mediaTypeDockerConfig = "application/vnd.docker.container.image.v1+json"

// tagPrefix starts each tag under which this program stores a manifest of its own: _manifesto, the tag of the
// manifesto, and _manifesto.pins and its numbered successors, which keep the contents from garbage collection. An
// image to describe has no such tag.
const tagPrefix = "_manifesto"

// index is index.json: its text, the descriptors in it, and where in the text they are.
type index struct {
	text    []byte
	entries []entry
	// list is where the value of "manifests" is.
	list rawjson.Span
}

// entry is one descriptor of an index.
type entry struct {
	oci.Descriptor
	at rawjson.Span
}

// readIndex reads index.json.
func (d directory) readIndex() (index, error) {
	text, err := d.read(indexFile, maxIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return index{}, fmt.Errorf("%w: there is no %s", ErrDamaged, d.path(indexFile))
	}
	if err != nil {
		return index{}, err
	}
	ix, err := parseIndex(text)
	if err != nil {
		return index{}, fmt.Errorf("%w: %s: %w", ErrDamaged, d.path(indexFile), err)
	}
	return ix, nil
}

// parseIndex finds the descriptors in the text of an index.
func parseIndex(text []byte) (index, error) {
	if err := indexLimits.Check(text); err != nil {
		return index{}, fmt.Errorf("%w: it %w", oci.ErrTooLarge, err)
	}
	if err := rawjson.Check(text); err != nil {
		return index{}, err
	}
	ix := index{text: text}
	found := false
	err := rawjson.EachField(string(text), func(f rawjson.Field, at rawjson.Span) error {
		if !f.Is("manifests") {
			return nil
		}
		if found {
			return errors.New("manifests is there twice")
		}
		found, ix.list = true, at
		return ix.parseList(f.Value)
	})
	if err == nil && !found {
		err = errors.New("it has no manifests")
	}
	return ix, err
}

// parseList reads the descriptors. Go programs write null for an empty list.
func (ix *index) parseList(list string) error {
	err := rawjson.EachElement(list, func(_ string, at rawjson.Span) error {
		e := entry{at: at.Shift(ix.list.Start)}
		if err := json.Unmarshal(ix.text[e.at.Start:e.at.End], &e.Descriptor); err != nil {
			return fmt.Errorf("manifest %d: %w", len(ix.entries), err)
		}
		if e.Digest == "" {
			return fmt.Errorf("manifest %d has no digest", len(ix.entries))
		}
		ix.entries = append(ix.entries, e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("manifests: %w", err)
	}
	return nil
}

// tag returns the tag in the name of an entry, which is a tag or a whole reference. It is empty if there is none.
func (e entry) tag() string {
	name := e.Annotations[annotationName]
	if name == "" {
		name = e.Annotations[annotationContainerd]
	}
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		return name[i+1:]
	}
	if strings.Contains(name, "/") {
		return ""
	}
	return name
}

// isImage reports whether an entry is an image that may have metadata. Manifests of this program, attestations and
// other artifacts are not.
func (e entry) isImage() bool {
	if strings.HasPrefix(e.tag(), tagPrefix) || oci.IsAttestation(e.Descriptor) {
		return false
	}
	switch e.ArtifactType { // go-containerregistry puts the media type of the config there.
	case "", oci.MediaTypeOCIConfig, mediaTypeDockerConfig:
	default:
		return false
	}
	switch e.MediaType {
	case "", oci.MediaTypeOCIManifest, oci.MediaTypeOCIIndex, oci.MediaTypeDockerManifest, oci.MediaTypeDockerList:
		return true
	}
	return false
}

// String returns the entry's tag and digest, or the digest alone, as errors show it.
func (e entry) String() string {
	digest := foreign(e.Digest.String())
	if tag := e.tag(); tag != "" {
		return foreign(tag) + " (" + digest + ")"
	}
	return digest
}

// maxForeign is the length of the longest text of an index that an error shows, in bytes: that of a tag and more.
const maxForeign = 200

// foreign returns a text of an index as errors show it.
func foreign(text string) string {
	if len(text) > maxForeign {
		text = strings.ToValidUTF8(text[:maxForeign], "") + "…"
	}
	return oci.Printable(text)
}

// tagged returns the positions of the entries with a tag. Whole references that end in the tag count only if no name
// is the tag alone: tools that copy several repositories into one layout write whole references.
func (ix index) tagged(tag string) []int {
	var named, others []int
	for i, e := range ix.entries {
		switch {
		case e.Annotations[annotationName] == tag:
			named = append(named, i)
		case e.tag() == tag:
			others = append(others, i)
		}
	}
	if len(named) > 0 {
		return named
	}
	return others
}

// find returns the entry with a tag or, for an empty tag, the only image. If several manifests fit, it chooses none:
// metadata could end up on the wrong build. A manifest that is listed several times counts once.
func (ix index) find(tag string) (entry, error) {
	var candidates []entry
	if tag == "" {
		for _, e := range ix.entries {
			if e.isImage() {
				candidates = append(candidates, e)
			}
		}
	} else {
		for _, i := range ix.tagged(tag) {
			candidates = append(candidates, ix.entries[i])
		}
	}
	if len(candidates) == 0 {
		return entry{}, fmt.Errorf("%w: the layout has %s", oci.ErrNotFound, ix.images())
	}
	for _, other := range candidates[1:] {
		if other.Digest != candidates[0].Digest {
			return entry{}, fmt.Errorf("%w: %s", ErrSeveralImages, list(candidates))
		}
	}
	return candidates[0], nil
}

// images lists the images in the index, as errors show them.
func (ix index) images() string {
	var images []entry
	for _, e := range ix.entries {
		if e.isImage() {
			images = append(images, e)
		}
	}
	if len(images) == 0 {
		return "no image"
	}
	return list(images)
}

// maxListed is the number of images that an error names.
const maxListed = 20

func list(entries []entry) string {
	var names []string
	for _, e := range entries[:min(len(entries), maxListed)] {
		names = append(names, e.String())
	}
	if more := len(entries) - maxListed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// mediaType returns the media type that the index gives for a manifest. It is empty if the index has none.
func (ix index) mediaType(digest oci.Digest) string {
	for _, e := range ix.entries {
		if e.Digest == digest && e.MediaType != "" {
			return e.MediaType
		}
	}
	return ""
}
