package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// publishParallel is how many artifacts of one commit are published at a time.
const publishParallel = 16

// publish stores the artifacts of the changes and their signatures. Both must be there before the manifesto names them.
// A change whose artifact cannot be stored fails alone: the others start over without it.
func (a *attempt) publish(ctx context.Context) error {
	pieces := a.toPublish()
	if (len(pieces) > 0 || a.publisher.signer != nil) && a.base.doc.HasArtifacts() {
		a.publisher.assumeEmpty()
	}
	failed := make([]error, len(pieces))
	err := eachAtOnce(ctx, pieces, publishParallel, func(ctx context.Context, i int, p publishedEdit) error {
		failed[i] = a.publishOne(ctx, p)
		return nil
	})
	if err != nil {
		return err
	}
	reasons := map[*ticket]error{}
	for i, p := range pieces {
		if failed[i] != nil && reasons[p.ticket] == nil {
			reasons[p.ticket] = fmt.Errorf("%s: %w", p.edit.key, failed[i])
		}
	}
	return a.refuse(reasons)
}

// publishedEdit is an edit that publishes its piece, and its ticket.
type publishedEdit struct {
	ticket *ticket
	edit   edit
}

// toPublish returns the edits of the attempt that publish their pieces.
func (a *attempt) toPublish() []publishedEdit {
	var pieces []publishedEdit
	for _, t := range slices.Concat(a.batch, a.again) {
		for _, e := range t.change {
			if e.publication != nil {
				pieces = append(pieces, publishedEdit{t, e})
			}
		}
	}
	return pieces
}

func (a *attempt) publishOne(ctx context.Context, p publishedEdit) error {
	entry, ok := a.next.doc.Lookup(p.edit.key.Image, p.edit.key.Type)
	if !ok || entry.Artifact == (format.Artifact{}) {
		return nil // A later change of the batch has removed the entry.
	}
	first := a.base.doc.ArtifactDigest(p.edit.key.Image, p.edit.key.Type) != entry.Artifact.Digest
	found, err := a.publisher.publish(ctx, entry, *p.edit.publication, first)
	p.ticket.sign(p.edit.key, found)
	return err
}

// refuse decides the tickets that have failed. If there are some, the error is errStartOver.
func (a *attempt) refuse(reasons map[*ticket]error) error {
	if len(reasons) == 0 {
		return nil
	}
	var rest []*ticket
	for _, t := range a.batch {
		if err := reasons[t]; err != nil {
			a.decide([]*ticket{t}, err, nil)
		} else {
			rest = append(rest, t)
		}
	}
	if len(rest) == len(a.batch) { // One of the burst's earlier changes, whose callers have their answers.
		return errors.Join(slices.Collect(maps.Values(reasons))...)
	}
	a.batch = rest
	return errStartOver
}

// seal makes the manifest of the next version, and signs it if this run signs.
func (a *attempt) seal(ctx context.Context) error {
	a.next.Window, a.next.Repository = a.timing.announcement(), format.RepositoryName(a.name)
	m, err := a.image.Manifest(a.name, a.next.Header)
	if err != nil {
		return err
	}
	a.manifest, a.next.digest, a.next.manifest = m, m.Digest, m.Descriptor()
	if a.publisher.signer == nil {
		return nil
	}
	found, err := a.publisher.sign(ctx, m, true)
	if err == nil {
		a.sealed[m.Digest] = found.Digest
	}
	return err
}
