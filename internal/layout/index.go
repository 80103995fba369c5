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

// Annotations that name an image in index.json.
const (
	// annotationName is the OCI specification's. Most tools write a tag; some (crane, older BuildKit, rules_oci)
	// a whole reference, which the specification allows as well.
	annotationName = "org.opencontainers.image.ref.name"
	// annotationContainerd is the whole reference that containerd, Docker and BuildKit write beside it.
	annotationContainerd = "io.containerd.image.name"
)

// mediaTypeDockerConfig is that of the config of an image that Docker has built.
const mediaTypeDockerConfig = "application/vnd.docker.container.image.v1+json"

// tagPrefix begins the tags under which this program stores its own manifests. Images that are described have none.
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

// readIndex reads index.json as it stands.
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

// tag is the tag that an entry has: the name that it was given or, where that is a whole reference, its tag. It
// is empty where it has none.
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

// isImage reports whether an entry is an image to describe: not one of ours, and no attestation or other artifact.
func (e entry) isImage() bool {
	if strings.HasPrefix(e.tag(), tagPrefix) || oci.IsAttestation(e.Descriptor) {
		return false
	}
	switch e.ArtifactType { // go-containerregistry writes the config's media type there.
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

// String names an entry for people, by its tag and, where that is not enough, by its digest.
func (e entry) String() string {
	if tag := e.tag(); tag != "" {
		return tag + " (" + e.Digest.String() + ")"
	}
	return e.Digest.String()
}

// tagged returns the positions of the entries with a tag. One that is named with just the tag counts before a
// whole reference that ends in it: a tool that copies several repositories into one layout writes those.
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

// find returns the entry with a tag or, for no tag, the only image. Where several are meant it does not choose:
// metadata would go to a build that nobody had in mind. One manifest that is listed more than once is one.
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

// images lists what there is to choose from.
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

// maxListed is how many images an error names.
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

// mediaType returns the media type that the index gives to a manifest; empty where it does not list it.
func (ix index) mediaType(digest oci.Digest) string {
	for _, e := range ix.entries {
		if e.Digest == digest && e.MediaType != "" {
			return e.MediaType
		}
	}
	return ""
}
