package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// writeOnlyDigest returns the digest to remember of an applied write-only content, or "" for any other content.
func writeOnlyDigest(config, applied *metadataModel) string {
	if config.ContentWO.IsNull() {
		return ""
	}
	return applied.Digest.ValueString()
}

// privateDigest is the key in the private state of the digest of the write-only content that was applied last.
const privateDigest = "content_wo_digest"

// privateState is the part of the state that Terraform stores but does not show.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// appliedDigest returns the digest of the write-only content that was applied last, or "" if there is none.
func appliedDigest(ctx context.Context, private privateState, diags *diag.Diagnostics) string {
	value, more := private.GetKey(ctx, privateDigest)
	diags.Append(more...)
	var digest string
	if value == nil || json.Unmarshal(value, &digest) != nil {
		return ""
	}
	return digest
}

// privateFloor is the key in the private state of the newest manifesto that was verified.
const privateFloor = "verified_manifesto"

// storedFloor is a manifesto.Floor in the private state.
type storedFloor struct {
	Number int64      `json:"number"`
	Digest oci.Digest `json:"digest,omitempty"`
}

// knownFloor returns the newest manifesto that was verified; the zero value if there is none.
func knownFloor(ctx context.Context, private privateState, diags *diag.Diagnostics) manifesto.Floor {
	value, more := private.GetKey(ctx, privateFloor)
	diags.Append(more...)
	var stored storedFloor
	if value == nil || json.Unmarshal(value, &stored) != nil {
		return manifesto.Floor{}
	}
	return manifesto.Floor(stored)
}

// builtUpon returns the number of the newest manifesto that was verified, for a change that must not be built upon an
// older one; 0 if there is none, or if nobody verifies.
func (d *providerData) builtUpon(ctx context.Context, private privateState, diags *diag.Diagnostics) int64 {
	if d.verification == nil {
		return 0
	}
	return knownFloor(ctx, private, diags).Number
}

// rememberFloor records the newest manifesto that was verified.
func rememberFloor(ctx context.Context, private privateState, floor manifesto.Floor, diags *diag.Diagnostics) {
	value, err := json.Marshal(storedFloor(floor))
	if err != nil {
		diags.AddError("Private state", sentence(err))
		return
	}
	diags.Append(private.SetKey(ctx, privateFloor, value)...)
}

// rememberApplied records the digest of an applied write-only content. An empty digest clears the record.
func rememberApplied(ctx context.Context, private privateState, digest string, diags *diag.Diagnostics) {
	value, err := json.Marshal(digest)
	if err != nil {
		diags.AddError("Private state", sentence(err))
		return
	}
	diags.Append(private.SetKey(ctx, privateDigest, value)...)
}
