package format

import (
	"fmt"
	"strconv"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Pin manifests keep content from garbage collection: every blob that the manifesto names is a layer of a tagged image.
// They are sharded because ECR refuses more than 500 layers.
const (
	pinTag = Tag + ".pins"
	// MaxNext is how many blobs of the next document a shard takes.
	MaxNext = 256
	// MaxUnion is how many blobs of the base document and the next one a shard takes together.
	MaxUnion = 400
	// MaxShards bounds what a foreign "pin" can make us read: a million pieces of metadata.
	MaxShards = 4096
)

// emptyBlob is the content of the OCI empty descriptor, which stands in for an empty list of layers.
var emptyBlob = EmptyBlob()

// ShardTag is the tag of a pin manifest: _manifesto.pins, _manifesto.pins.1 and so on.
func ShardTag(shard int) string {
	if shard == 0 {
		return pinTag
	}
	return pinTag + "." + strconv.Itoa(shard)
}

// PinManifest returns the pin manifest with the given layers, and number as its counter. Its config is the same for all
// shards and a standard one: GitLab refuses media types that it does not know. An empty list of layers gets the layer
// of EmptyBlob.
func PinManifest(repository oci.Repository, layers []oci.Descriptor, number int64) (oci.Manifest, error) {
	config, err := newConfig()
	if err != nil {
		return oci.Manifest{}, err
	}
	if len(layers) == 0 {
		layers = []oci.Descriptor{{
			MediaType: oci.MediaTypeOCIEmpty, Digest: oci.DigestOf(emptyBlob), Size: int64(len(emptyBlob)),
		}}
	}
	m, err := newManifest(config, layers, withRepository(repository, map[string]string{
		AnnotationVersion: strconv.FormatInt(number, 10),
	}))
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("pin manifest: %w", err)
	}
	return m, nil
}

// PinConfig returns the config that every pin manifest names.
func PinConfig() ([]byte, error) { return newConfig() }

// EmptyBlob returns the blob that a pin manifest without layers names.
func EmptyBlob() []byte { return []byte("{}") }
