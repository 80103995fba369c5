package manifesto

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"golang.org/x/sync/errgroup"
)

// Pin manifests keep content from garbage collection: every blob that the manifesto names is a layer of
// a tagged image. They are sharded because ECR refuses more than 500 layers (section 3 of the design).
const (
	pinTag = Tag + ".pins"
	// maxNext is how many blobs of the next document a shard takes, maxUnion how many of the base
	// document's and the next one's together.
	maxNext  = 256
	maxUnion = 400
	// maxShards bounds what a foreign "pin" can make us read: a million pieces of metadata.
	maxShards = 4096
	// pinParallel is how many pin requests of one operation are under way at once.
	pinParallel = 8
)

// emptyBlob is the OCI empty descriptor's content, which stands in for an empty list of layers.
var emptyBlob = []byte("{}")

// shardTag is the tag of a pin manifest: _manifesto.pins, _manifesto.pins.1 and so on.
func shardTag(shard int) string {
	if shard == 0 {
		return pinTag
	}
	return pinTag + "." + strconv.Itoa(shard)
}

// pins is what the pin manifests of a repository are known to hold.
type pins struct {
	// shards maps a shard to its blobs and their sizes.
	shards map[int]map[registry.Digest]int64
	// version is the largest counter seen in them.
	version int64
}

// holds reports in which shard a blob is.
func (p pins) holds(digest registry.Digest) (shard int, size int64, ok bool) {
	for shard, blobs := range p.shards {
		if size, ok := blobs[digest]; ok {
			return shard, size, true
		}
	}
	return 0, 0, false
}

// readShard reads one pin manifest; false means that there is none.
func readShard(ctx context.Context, remote Remote, shard int) (map[registry.Digest]int64, int64, bool, error) {
	m, err := remote.GetManifest(ctx, shardTag(shard))
	if errors.Is(err, registry.ErrNotFound) {
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, err
	}
	parsed, err := parseManifest(m)
	if err != nil {
		// Someone put something else there: it pins nothing, and the next commit replaces it.
		return nil, 0, true, nil //nolint:nilerr // See above.
	}
	blobs := make(map[registry.Digest]int64, len(parsed.Layers))
	for _, layer := range parsed.Layers {
		blobs[layer.Digest] = layer.Size
	}
	return blobs, parsed.version(), true, nil
}

// readPins reads the pin manifests that the document names and, where an entry names none (another
// tool may have stripped the field), those that follow until there is none.
func readPins(ctx context.Context, remote Remote, d *Document) (pins, error) {
	last, stripped := noPin, false
	d.eachBlob(func(rec record) {
		last = max(last, rec.pin)
		stripped = stripped || rec.pin == noPin
	})
	result := pins{shards: map[int]map[registry.Digest]int64{}}
	found := make([]map[registry.Digest]int64, last+1)
	versions := make([]int64, last+1)
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for shard := range found {
		group.Go(func() error {
			var err error
			found[shard], versions[shard], _, err = readShard(groupContext, remote, shard)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return pins{}, err
	}
	for shard := range found {
		result.shards[shard] = found[shard]
		result.version = max(result.version, versions[shard])
	}
	for shard := last + 1; stripped && shard < maxShards; shard++ {
		blobs, version, ok, err := readShard(ctx, remote, shard)
		if err != nil {
			return pins{}, err
		}
		if !ok {
			break
		}
		result.shards[shard] = blobs
		result.version = max(result.version, version)
	}
	return result, nil
}

// eachBlob calls visit with every record that names a blob, duplicates too.
func (d *Document) eachBlob(visit func(record)) {
	for _, img := range d.images {
		for _, rec := range img.records {
			if rec.digest != "" {
				visit(rec)
			}
		}
	}
}

// pinManifest returns the manifest of a shard. The config is the same for all of them, and a standard
// one: GitLab refuses media types that it does not know.
func pinManifest(repository registry.Repository, layers []descriptor, version int64) (registry.Manifest, error) {
	config, err := newConfig()
	if err != nil {
		return registry.Manifest{}, err
	}
	if len(layers) == 0 {
		layers = []descriptor{{registry.MediaTypeOCIEmpty, registry.DigestOf(emptyBlob), int64(len(emptyBlob))}}
	}
	m, err := newManifest(config, layers, map[string]string{
		annotationRepository: repository.String(),
		annotationVersion:    strconv.FormatInt(version, 10),
	})
	if err != nil {
		return registry.Manifest{}, fmt.Errorf("pin manifest: %w", err)
	}
	return m, nil
}
