package oci

// Media types of manifests and their parts.
const (
	MediaTypeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	MediaTypeOCIConfig      = "application/vnd.oci.image.config.v1+json"
	MediaTypeOCILayerGzip   = "application/vnd.oci.image.layer.v1.tar+gzip"
	MediaTypeOCIEmpty       = "application/vnd.oci.empty.v1+json"
	MediaTypeOctetStream    = "application/octet-stream"
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// IsManifestType reports whether a media type is that of an image's manifest or index.
func IsManifestType(mediaType string) bool {
	switch mediaType {
	case MediaTypeOCIManifest, MediaTypeOCIIndex, MediaTypeDockerManifest, MediaTypeDockerList:
		return true
	}
	return false
}

// MaxManifestSize is the size of the largest manifest that is read or written, in bytes. Every registry that was tried
// refuses larger ones.
const MaxManifestSize = 4 << 20
