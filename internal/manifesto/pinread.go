package manifesto

import (
	"context"
	"errors"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
	"golang.org/x/sync/errgroup"
)

// shardContent is what one pin manifest holds.
type shardContent struct {
	// sizes are the sizes in bytes of the blobs that it pins.
	sizes map[oci.Digest]int64
	// number is the version number in it.
	number int64
	// exists says that there is a manifest, even if it pins nothing.
	exists bool
}

// readShard reads one pin manifest. A manifest that cannot be parsed pins nothing; the next commit replaces it.
func readShard(ctx context.Context, repository Repository, shard int) (shardContent, error) {
	m, err := repository.GetManifest(ctx, format.ShardTag(shard))
	if errors.Is(err, oci.ErrNotFound) {
		return shardContent{}, nil
	}
	if err != nil {
		return shardContent{}, err
	}
	parsed, err := format.ParseManifest(m)
	if err != nil {
		return shardContent{exists: true}, nil //nolint:nilerr // See above.
	}
	return shardContent{sizes: parsed.LayerSizes(), number: parsed.Header().Number, exists: true}, nil
}

// loadAll makes sure that the index has all pin manifests. They are read once a run.
func (p *pinner) loadAll(ctx context.Context, d *format.Document) error {
	known := func() (struct{}, bool, error) { return struct{}{}, p.index.knowsAll(), nil }
	_, err := wait.Shared(ctx, &p.flight, "all", sharedLimit, known, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.readAll(ctx, d)
	})
	return err
}

// load makes sure that the index has one pin manifest. A manifesto may name hundreds, and a run needs few of them.
func (p *pinner) load(ctx context.Context, shard int) error {
	known := func() (struct{}, bool, error) { return struct{}{}, p.index.knows(shard), nil }
	read := func(ctx context.Context) (struct{}, error) { return struct{}{}, p.readOne(ctx, shard) }
	_, err := wait.Shared(ctx, &p.flight, format.ShardTag(shard), sharedLimit, known, read)
	return err
}

// readAll reads the pin manifests that the document names. If an entry names none, another tool may have removed the
// field. Then readAll also reads the pin manifests with higher numbers, up to the first that does not exist.
func (p *pinner) readAll(ctx context.Context, d *format.Document) error {
	named, all := d.NamedShards()
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for shard := range named {
		if !p.index.knows(shard) {
			group.Go(func() error { return p.readOne(groupContext, shard) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for shard := named; !all && shard < format.MaxShards; shard++ {
		content, err := readShard(ctx, p.tag.repository, shard)
		if err != nil {
			return err
		}
		if !content.exists {
			break
		}
		p.index.read(shard, content.sizes, content.number)
	}
	p.index.markComplete()
	return nil
}

func (p *pinner) readOne(ctx context.Context, shard int) error {
	content, err := readShard(ctx, p.tag.repository, shard)
	if err == nil {
		p.index.read(shard, content.sizes, content.number)
	}
	return err
}

// inspect finds out whether an entry's content is pinned: in the pin manifest that the entry names or, if it names
// none, in any. If the content is not pinned, inspect finds out whether it is missing.
func (p *pinner) inspect(ctx context.Context, d *format.Document, entry format.Entry) (Piece, error) {
	piece := Piece{Entry: entry}
	size, pinned, err := p.pinned(ctx, d, entry)
	if err != nil {
		return Piece{}, err
	}
	piece.Pinned = pinned
	if !pinned {
		if size, piece.Missing, err = p.measure(ctx, entry.Digest); err != nil {
			return Piece{}, err
		}
	}
	if piece.Size < 0 {
		piece.Size = size
	}
	return piece, nil
}

func (p *pinner) pinned(ctx context.Context, d *format.Document, entry format.Entry) (size int64, ok bool, err error) {
	if shard, named := entry.Pin.Shard(); named {
		if err := p.load(ctx, shard); err != nil {
			return 0, false, err
		}
		size, ok = p.index.size(shard, entry.Digest)
		return size, ok, nil
	}
	if err := p.loadAll(ctx, d); err != nil {
		return 0, false, err
	}
	_, size, ok = p.index.find(entry.Digest)
	return size, ok, nil
}

// measure returns the size in bytes of content that is not pinned, format.UnknownSize if the registry does not say. An
// image in place of the blob, which is the oldest form, can be read and is not missing.
func (p *pinner) measure(ctx context.Context, digest oci.Digest) (size int64, missing bool, err error) {
	size, err = p.tag.repository.HeadBlob(ctx, digest)
	if err == nil {
		return max(size, format.UnknownSize), false, nil
	}
	if !errors.Is(err, oci.ErrNotFound) {
		return format.UnknownSize, false, err
	}
	_, err = p.tag.repository.HeadManifest(ctx, digest.String())
	if errors.Is(err, oci.ErrNotFound) {
		return format.UnknownSize, true, nil
	}
	return format.UnknownSize, false, err
}
