package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
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

// rememberApplied records the digest of an applied write-only content. An empty digest clears the record.
func rememberApplied(ctx context.Context, private privateState, digest string, diags *diag.Diagnostics) {
	value, err := json.Marshal(digest)
	if err != nil {
		diags.AddError("Private state", sentence(err))
		return
	}
	diags.Append(private.SetKey(ctx, privateDigest, value)...)
}
