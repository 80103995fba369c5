package format

import (
	"fmt"
	"strconv"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Pin manifests protect content from garbage collection: they are tagged images, and every blob that the manifesto
// names is a layer of one. There are several, called shards, because ECR refuses more than 500 layers.
const (
	pinTag = Tag + ".pins"
	// MaxNext is the largest number of blobs that a document names in one shard.
	MaxNext = 256
	// MaxUnion is the largest number of blobs that the base document and the next one together name in one shard.
	MaxUnion = 400
	// MaxShards is the number of shards: enough for a million pieces of metadata. A "pin" beyond it is ignored.
	MaxShards = 4096
)

// ShardTag is the tag of a pin manifest: _manifesto.pins, _manifesto.pins.1 and so on.
func ShardTag(shard int) string {
	if shard == 0 {
		return pinTag
	}
	return pinTag + "." + strconv.Itoa(shard)
}

// PinManifest returns the pin manifest with the given layers and with number as its version. All pin manifests have the
// config that PinConfig returns, because GitLab refuses configs with other media types. If there are no layers,
// EmptyBlob stands in for them.
func PinManifest(repository oci.Repository, layers []oci.Descriptor, number int64) (oci.Manifest, error) {
	config, err := newConfig()
	if err != nil {
		return oci.Manifest{}, err
	}
	if len(layers) == 0 {
		layers = []oci.Descriptor{{
			MediaType: oci.MediaTypeOCIEmpty, Digest: oci.DigestOf(EmptyBlob()), Size: int64(len(EmptyBlob())),
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

// EmptyBlob returns the blob that a pin manifest without layers names: the content of the OCI empty descriptor.
func EmptyBlob() []byte { return []byte("{}") }
