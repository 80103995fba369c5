package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"golang.org/x/sync/errgroup"
)

// listParallel is how many pieces of metadata a query looks at, at a time. Each may have 16 MiB.
const listParallel = 8

// metadataQuery is one run of the list resource.
type metadataQuery struct {
	data    *providerData
	request list.ListRequest
	config  metadataListModel
	filter  typeFilter
	// verification is the query's own; nil if it has none.
	verification *verification
}

// listedMetadata is one piece of metadata that a query has found.
type listedMetadata struct {
	key   manifesto.Key
	entry format.Entry
	// state is what an import gives; null unless the query asks for resources.
	state tfsdk.State
	diags diag.Diagnostics
}

// run pushes the results until push refuses one. An error is the last result.
func (q metadataQuery) run(ctx context.Context, push func(list.ListResult) bool) {
	ctx, cancel := context.WithTimeout(ctx, repositoryTimeout)
	defer cancel()
	found, snapshot, err := q.find(ctx)
	if err != nil {
		push(q.failure(ctx, err))
		return
	}
	wanted := found[:min(int64(len(found)), max(q.request.Limit, 0))]
	for i := 0; i < len(wanted); i += listParallel {
		batch := wanted[i:min(i+listParallel, len(wanted))]
		if err := q.complete(ctx, snapshot, batch); err != nil {
			push(q.failure(ctx, err))
			return
		}
		for j := range batch {
			if i+j == len(wanted)-1 && len(found) > len(wanted) {
				batch[j].diags.AddWarning("More metadata than listed", fmt.Sprintf(
					"Repository %s has %d pieces of metadata that match, and the list has the first %d. Set limit in the list "+
						"block to list more.", batch[j].key.Repository, len(found), len(wanted)))
			}
			if !push(q.result(ctx, &batch[j])) {
				return
			}
		}
	}
}

// find returns what matches, in the manifesto's order, as far as the manifesto describes it, and the manifesto.
func (q metadataQuery) find(ctx context.Context) ([]listedMetadata, *manifesto.Snapshot, error) {
	repository, err := q.data.repository(q.config.Repository)
	if err != nil {
		return nil, nil, err
	}
	var only oci.Digest
	if !q.config.Image.IsNull() {
		if only, err = q.image(ctx, repository); err != nil {
			return nil, nil, err
		}
	}
	var trust trustModel
	snapshot, err := q.data.store.Trust(ctx, repository, "", trust.demand(q.verification))
	if err != nil {
		return nil, nil, err
	}
	if err = trust.judge(q.verification, snapshot.Verified(), signing.Found{}); err != nil {
		return nil, nil, err
	}
	var found []listedMetadata
	for _, image := range snapshot.Images() {
		if only != "" && image.Digest != only {
			continue
		}
		for _, entry := range image.Entries {
			if q.filter.shows(entry.Type) {
				key := manifesto.Key{Repository: repository, Image: image.Digest, Type: entry.Type}
				found = append(found, listedMetadata{key: key, entry: entry})
			}
		}
	}
	return found, snapshot, nil
}

// imageError is an error about the attribute image.
type imageError struct {
	reference oci.Reference
	error
}

func (e imageError) Unwrap() error { return e.error }

// image returns the digest of the only image whose metadata is listed.
func (q metadataQuery) image(ctx context.Context, repository oci.Repository) (oci.Digest, error) {
	reference, err := imageIn(repository, q.config.Image.ValueString())
	if err == nil && reference.Digest == "" {
		reference.Digest, err = q.data.store.Resolve(ctx, reference, oci.Platform{})
	}
	if err != nil {
		return "", imageError{reference, err}
	}
	return reference.Digest, nil
}

// failure is the last result of a query that fails.
func (q metadataQuery) failure(ctx context.Context, err error) list.ListResult {
	var problem diagnosis
	if about, ok := errors.AsType[imageError](err); ok {
		problem = q.data.diagnose(err, "resolving", about.reference.Repository, "image "+about.reference.String())
	} else {
		repository, _ := q.data.repository(q.config.Repository) // It only names the repository of an error.
		problem = aboutTrust(q.data.diagnoseRepository(
			err, "listing the metadata of", q.config.Repository.ValueString(), repository), err,
			"Name the types that are signed in type or types to leave out the others.")
	}
	var result list.ListResult
	problem.within(ctx, timeLimit{duration: repositoryTimeout}).addTo(&result.Diagnostics)
	return result
}

// complete verifies some pieces of metadata, and looks at their contents, if the query asks for that.
func (q metadataQuery) complete(ctx context.Context, snapshot *manifesto.Snapshot, batch []listedMetadata) error {
	pieces := make([]manifesto.Described, len(batch))
	for i, m := range batch {
		pieces[i] = manifesto.Described{Image: m.key.Image, Entry: m.entry}
	}
	var trust trustModel
	repository, diags := batch[0].key.Repository, &batch[0].diags
	if _, err := trust.judgeAll(ctx, q.verification, snapshot, repository, pieces, diags); err != nil {
		return err
	}
	if !q.request.IncludeResource {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range batch {
		group.Go(func() error { return q.adopt(ctx, snapshot, &batch[i]) })
	}
	return group.Wait()
}

// adopt sets the state of a piece of metadata to what an import and the refresh after it give. A content that cannot be
// had is no error: the state lacks it, and a warning says why.
func (q metadataQuery) adopt(ctx context.Context, snapshot *manifesto.Snapshot, m *listedMetadata) error {
	resourceType := q.request.ResourceSchema.Type().TerraformType(ctx)
	m.state = tfsdk.State{Schema: q.request.ResourceSchema, Raw: tftypes.NewValue(resourceType, nil)}
	adoptState(ctx, &m.state, m.key.Repository.Digested(m.key.Image).String(), m.key, &m.diags)
	var model metadataModel
	model.decode(ctx, m.state.Raw, &m.diags)
	signature := &signatureReader{
		data: q.data, key: m.key, state: &model.signatureModel, own: q.verification, diags: &m.diags,
		snapshot: snapshot,
	}
	_, err := q.data.refresh(ctx, m.key, &model, signature)
	switch {
	case err != nil && !manifesto.IsDamage(err):
		return err
	case err != nil:
		model.setKey(m.key)
		model.setEntry(m.entry)
		m.warn(sentence(err))
	case m.entry.Digest != "" && model.Content.IsNull() && model.ContentBase64.IsNull():
		m.warn("The registry does not have it any more.")
	}
	m.diags.Append(m.state.Set(ctx, &model)...)
	return nil
}

// warn tells that the content of a piece of metadata cannot be had, and why.
func (m *listedMetadata) warn(why string) {
	m.diags.AddWarning(contentUnreadable, fmt.Sprintf(
		"The content of %s cannot be read, so that a generated configuration lacks it. %s Remove the resource and its "+
			"import from the configuration, or give the resource the content; applying it stores the content again.",
		describeKey(m.key), why))
}

// result returns the result for a piece of metadata.
func (q metadataQuery) result(ctx context.Context, m *listedMetadata) list.ListResult {
	if m.entry.Digest == "" {
		m.warn("The manifesto names no usable digest.")
	}
	result := q.request.NewListResult(ctx)
	result.DisplayName = q.displayName(m.key)
	result.Diagnostics = m.diags
	result.Diagnostics.Append(result.Identity.Set(ctx, keyIdentity(m.key))...)
	if q.request.IncludeResource {
		result.Resource.Raw = m.state.Raw
	}
	return result
}

// displayName names a piece of metadata for people, with the tag if the query is about one.
func (q metadataQuery) displayName(key manifesto.Key) string {
	const shortDigest = len("sha256:") + 12
	version := "@" + key.Image.String()[:shortDigest]
	if reference, err := imageIn(key.Repository, q.config.Image.ValueString()); err == nil && reference.Tag != "" {
		version = ":" + reference.Tag
	}
	return key.Repository.Path() + version + " " + keyOfType(key.Type)
}
