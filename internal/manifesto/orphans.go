package manifesto

import (
	"context"
	"log/slog"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// findOrphans adds to the artifacts that a burst has superseded those that runs before it have left attached, because
// they were killed or lost a race: of the pieces that the burst has published or withdrawn, and of no others. The lists
// of registries tell which they may be, and their manifests which they are. What cannot be read is not removed. It
// reports whether there are any.
func (c *committer) findOrphans(ctx context.Context, b *burst) (found bool) {
	var mu sync.Mutex
	cleanEach(b.published, func(image oci.Digest, types map[string]bool) {
		orphans, err := c.orphansOf(ctx, image, types)
		if err != nil {
			c.log.LogAttrs(ctx, slog.LevelDebug, "superseded artifacts could not be looked for",
				slog.String("image", image.String()), slog.Any("error", err))
		}
		mu.Lock()
		defer mu.Unlock()
		b.artifacts[image] = append(b.artifacts[image], orphans...)
		found = found || len(orphans) > 0
	})
	return found
}

// waitForNames returns the version that the tag holds after another while. A rival attaches its artifacts before its
// manifesto names them, so that what looks like an orphan may be about to be named.
func (c *committer) waitForNames(ctx context.Context, current *version) *version {
	if wait.For(ctx, c.timing.settle()) != nil {
		return current
	}
	if moved, err := c.moved(ctx, current); err == nil && moved != nil {
		return moved
	}
	return current
}

// orphansOf returns the artifacts of pieces of these types that are attached to an image. Those of the current
// manifesto are among them.
func (c *committer) orphansOf(ctx context.Context, image oci.Digest, types map[string]bool) ([]oci.Digest, error) {
	named := map[oci.Digest]bool{}
	for _, entry := range c.tag.state.current().doc.Entries(image) {
		named[entry.Artifact.Digest] = true
	}
	listed, err := c.repository.Referrers(ctx, image)
	if err != nil {
		return nil, err
	}
	var orphans []oci.Digest
	for _, entry := range listed {
		if named[entry.Digest] || !types[entry.Annotations[format.AnnotationType]] {
			continue
		}
		m, err := c.repository.GetManifest(ctx, entry.Digest.String())
		if err != nil {
			return orphans, err
		}
		if referrer, err := oci.ParseReferrer(m, image); err == nil && types[referrer.Annotations[format.AnnotationType]] {
			orphans = append(orphans, entry.Digest)
		}
	}
	return orphans, nil
}
