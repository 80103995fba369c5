package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// retentionModel is the configuration, the plan and the state of the resource.
type retentionModel struct {
	Repository types.String   `tfsdk:"repository"`
	Types      types.Set      `tfsdk:"types"`
	KeepTypes  types.Set      `tfsdk:"keep_types"`
	AllowEmpty types.Bool     `tfsdk:"allow_empty"`
	Timeouts   timeouts.Value `tfsdk:"timeouts"`
	ID         types.String   `tfsdk:"id"`
	Stale      types.List     `tfsdk:"stale"`
}

// retentionIdentity is the identity of the resource.
type retentionIdentity struct {
	Repository types.String `tfsdk:"repository"`
}

// setStale sets which metadata is stale.
func (m *retentionModel) setStale(entries []staleEntry) {
	elements := make([]attr.Value, len(entries))
	for i, entry := range entries {
		elements[i] = types.StringValue(entry.name())
	}
	m.Stale = types.ListValueMust(types.StringType, elements)
}

// sameTypes reports whether two models are about the same types.
func (m *retentionModel) sameTypes(other *retentionModel) bool {
	return m.Types.Equal(other.Types) && m.KeepTypes.Equal(other.KeepTypes)
}

// typesKnown reports whether the model says which types it is about.
func (m *retentionModel) typesKnown() bool {
	for _, set := range []types.Set{m.Types, m.KeepTypes} {
		if set.IsUnknown() {
			return false
		}
		for _, element := range set.Elements() {
			if element.IsUnknown() {
				return false
			}
		}
	}
	return true
}

// retentionLimit returns the time limit that a timeout sets. value is the method of timeouts.Value that reads it.
func retentionLimit(
	ctx context.Context, configured timeouts.Value, name string,
	value func(context.Context, time.Duration) (time.Duration, diag.Diagnostics), diags *diag.Diagnostics,
) timeLimit {
	limit := timeLimit{repositoryTimeout, "timeouts." + name}
	if configured.IsNull() {
		return limit // The library would log that.
	}
	duration, more := value(ctx, repositoryTimeout)
	diags.Append(more...)
	limit.duration = duration
	return limit
}

// privateRetention is the key in the private state of what a refresh knows and the state does not show.
const privateRetention = "stale"

// retentionRecord is what a refresh knows and the state does not show.
type retentionRecord struct {
	// AllGone says that the registry has none of the images.
	AllGone bool `json:"all_gone,omitempty"`
	// Contents are the digests of the contents of the stale metadata, by the names that the state shows.
	Contents map[string]oci.Digest `json:"contents,omitempty"`
}

// recall returns the record of the last refresh; the zero value if there is none.
func recall(ctx context.Context, private privateState, diags *diag.Diagnostics) retentionRecord {
	var record retentionRecord
	value, more := private.GetKey(ctx, privateRetention)
	diags.Append(more...)
	if value == nil || json.Unmarshal(value, &record) != nil {
		return retentionRecord{}
	}
	return record
}

// record stores what a refresh has found. Nothing stale clears the record.
func record(ctx context.Context, private privateState, found staleMetadata, diags *diag.Diagnostics) {
	var value []byte
	if len(found.entries) > 0 {
		record := retentionRecord{AllGone: found.allGone, Contents: map[string]oci.Digest{}}
		for _, entry := range found.entries {
			record.Contents[entry.name()] = entry.content
		}
		var err error
		if value, err = json.Marshal(record); err != nil {
			diags.AddError("Private state", sentence(err))
			return
		}
	}
	diags.Append(private.SetKey(ctx, privateRetention, value)...)
}
