package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"golang.org/x/sync/errgroup"
)

// Leftover is an artifact that a change has superseded and that is still attached to its image, so that other tools
// take it for valid; or one whose signatures are still attached to it although it is not to be signed any more.
type Leftover struct {
	// Image is what it is attached to, and Artifact its own digest.
	Image, Artifact oci.Digest
	// Reason is why it could not be removed. It wraps oci.ErrDeleteRefused if the registry does not delete.
	Reason error
	// Signatures says that the artifact itself is current, and that only its signatures should have gone.
	Signatures bool
}

// supersede records what an attempt that was accepted has replaced: artifacts, signatures of artifacts, and the
// manifesto's manifest.
func (b *burst) supersede(a *attempt) {
	for _, t := range slices.Concat(a.batch, a.again) {
		for _, e := range t.change {
			b.replace(e.key, a.base.doc.ArtifactDigest(e.key.Image, e.key.Type),
				a.next.doc.ArtifactDigest(e.key.Image, e.key.Type))
		}
	}
	for _, t := range a.batch {
		for _, e := range t.change {
			if e.publication != nil {
				artifact := a.next.doc.ArtifactDigest(e.key.Image, e.key.Type)
				b.replaceSignature(e, artifact, t.signature(e.key).Digest)
			}
		}
	}
	if _, ours := a.sealed[a.base.digest]; a.publisher.signer != nil && a.base.exists() && !ours {
		b.replaced = append(b.replaced, a.base.digest)
	}
}

// replace records what has become of the artifact of a piece; an empty digest is that of none.
func (b *burst) replace(key Key, before, after oci.Digest) {
	if before == "" && after == "" {
		return
	}
	if b.published[key.Image] == nil {
		b.published[key.Image] = map[string]bool{}
	}
	b.published[key.Image][key.Type] = true
	if before != "" && before != after {
		b.artifacts[key.Image] = append(b.artifacts[key.Image], before)
	}
}

// replaceSignature records what has become of the signatures of an edit's artifact; made is that of this edit, empty if
// it has made none.
func (b *burst) replaceSignature(e edit, artifact, made oci.Digest) {
	replaces := e.publication.replaces
	switch {
	case e.publication.unsigns():
		b.unsigned[artifact] = e.key.Image
	case made != "":
		delete(b.unsigned, artifact)
		if replaces != "" && made != replaces {
			b.signatures[artifact] = append(b.signatures[artifact], replaces)
		}
	}
}

// cleanUp removes what the burst has superseded, once that has settled: a revoked approval must not stay attached. What
// cannot be removed is reported to the last caller, because the change itself is stored.
func (c *committer) cleanUp(ctx context.Context, b *burst, last *ticket) {
	current := c.tag.state.current()
	if c.findOrphans(ctx, b) {
		current = c.waitForNames(ctx, current)
	}
	cleanEach(b.artifacts, func(image oci.Digest, artifacts []oci.Digest) {
		c.detachArtifacts(ctx, image, c.withoutCurrent(current, image, artifacts), last)
	})
	cleanEach(b.signatures, func(artifact oci.Digest, signatures []oci.Digest) {
		c.toleratedDetach(ctx, c.repository.Detach, artifact, signatures)
	})
	cleanEach(b.unsigned, func(artifact, image oci.Digest) { c.unsign(ctx, image, artifact, last) })
	for manifest, signature := range c.sealed {
		if manifest != current.digest {
			c.toleratedDetach(ctx, c.repository.DetachAll, manifest, []oci.Digest{signature})
			delete(c.sealed, manifest)
		}
	}
	for _, manifest := range b.replaced {
		if err := c.detachSignatures(ctx, manifest); err != nil {
			c.log.LogAttrs(ctx, slog.LevelDebug, "signatures of a manifesto that was replaced could not be removed",
				slog.String("manifest", manifest.String()), slog.Any("error", err))
		}
	}
	clear(b.published)
	clear(b.artifacts)
	clear(b.signatures)
	clear(b.unsigned)
	b.replaced = nil
}

// cleanEach cleans up several subjects at a time. It leaves out none, so that what fails is reported for each.
func cleanEach[T any](superseded map[oci.Digest]T, clean func(subject oci.Digest, what T)) {
	var group errgroup.Group
	group.SetLimit(publishParallel)
	for subject, what := range superseded {
		group.Go(func() error {
			clean(subject, what)
			return nil
		})
	}
	_ = group.Wait() // No call returns an error.
}

// detachArtifacts removes artifacts of an image and their signatures.
func (c *committer) detachArtifacts(ctx context.Context, image oci.Digest, artifacts []oci.Digest, last *ticket) {
	for _, artifact := range artifacts {
		c.publisher.forget(artifact)
		if err := c.detachSignatures(ctx, artifact); err != nil {
			last.leave(Leftover{Image: image, Artifact: artifact, Reason: err})
		}
	}
	if len(artifacts) == 0 {
		return
	}
	if err := c.repository.Detach(ctx, image, artifacts...); err != nil {
		for _, artifact := range artifacts {
			last.leave(Leftover{Image: image, Artifact: artifact, Reason: err})
		}
	}
}

// unsign removes the signatures of an artifact that stays.
func (c *committer) unsign(ctx context.Context, image, artifact oci.Digest, last *ticket) {
	c.publisher.forget(artifact)
	if err := c.detachSignatures(ctx, artifact); err != nil {
		last.leave(Leftover{Image: image, Artifact: artifact, Reason: err, Signatures: true})
	}
}

// leave reports what was left, each artifact once.
func (t *ticket) leave(left Leftover) {
	t.mu.Lock()
	defer t.mu.Unlock()
	same := func(l Leftover) bool { return l.Image == left.Image && l.Artifact == left.Artifact }
	if !slices.ContainsFunc(t.leftover, same) {
		t.leftover = append(t.leftover, left)
	}
}

// withoutCurrent returns the artifacts, each once, that no entry of the image names in the current version.
func (c *committer) withoutCurrent(current *version, image oci.Digest, artifacts []oci.Digest) []oci.Digest {
	gone := map[oci.Digest]bool{}
	for _, artifact := range artifacts {
		gone[artifact] = true
	}
	for _, entry := range current.doc.Entries(image) {
		delete(gone, entry.Artifact.Digest)
	}
	return slices.Sorted(maps.Keys(gone))
}

// detachSignatures removes all signatures of a manifest that nothing names any more.
func (c *committer) detachSignatures(ctx context.Context, subject oci.Digest) error {
	listed, err := c.repository.Referrers(ctx, subject)
	if err != nil {
		return fmt.Errorf("looking for its signatures: %w", err)
	}
	var signatures []oci.Digest
	for _, entry := range listed {
		if entry.ArtifactType == signing.ArtifactType {
			signatures = append(signatures, entry.Digest)
		}
	}
	if len(signatures) == 0 {
		return nil
	}
	return c.repository.Detach(ctx, subject, signatures...)
}

// toleratedDetach removes signatures that do no harm if they stay.
func (c *committer) toleratedDetach(
	ctx context.Context, detach func(context.Context, oci.Digest, ...oci.Digest) error, subject oci.Digest,
	signatures []oci.Digest,
) {
	if err := detach(ctx, subject, signatures...); err != nil && !errors.Is(err, oci.ErrNotFound) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "signatures that were replaced could not be removed",
			slog.String("subject", subject.String()), slog.Any("signatures", signatures), slog.Any("error", err))
	}
}
