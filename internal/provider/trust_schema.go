package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// minimumVersionName is the attribute with the smallest number that a manifesto may have.
const minimumVersionName = "minimum_version"

// withTrust adds to the attributes of a look-up those of a trustModel. verified describes the attribute of this name,
// and signed is what the signature to show is of.
func withTrust(verified, signed string, attributes map[string]schema.Attribute) map[string]schema.Attribute {
	attributes[verificationName] = verificationAttribute(ownVerification)
	attributes[minimumVersionName] = schema.Int64Attribute{
		MarkdownDescription: "Refuse a manifesto with a smaller number, and a repository without a manifesto. Set it to " +
			"the `version` that an earlier step has seen, so that nobody can bring back metadata that was withdrawn since, " +
			"such as an approval. Without verification it only protects from mistakes: anybody who can push can forge the " +
			"number.",
		Optional:   true,
		Validators: []validator.Int64{int64validator.AtLeast(1)},
	}
	attributes["version"] = schema.Int64Attribute{
		MarkdownDescription: "Number of the repository's manifesto. Every change of metadata in the repository makes it " +
			"greater. Null if there is no manifesto, or if another tool has written it.",
		Computed: true,
	}
	attributes["verified"] = schema.BoolAttribute{MarkdownDescription: verified, Computed: true}
	attributes["signed_by"] = schema.StringAttribute{
		MarkdownDescription: "Subject of the certificate that has signed " + signed + ". Null if that is not verified.",
		Computed:            true,
	}
	attributes["signed_at"] = schema.StringAttribute{
		MarkdownDescription: "When " + signed + " was signed (RFC 3339, UTC): the signer's claim, unless `verification` " +
			"has `timestamp_certificates`. Null if that is not verified.",
		Computed: true,
	}
	attributes["verification_error"] = schema.StringAttribute{
		MarkdownDescription: "Why `verified` is false: who has signed, and which rule refuses the signature. Null if " +
			"`verified` is true, or if nothing is to be verified.",
		Computed: true,
	}
	return attributes
}

// Texts of withTrust for a data source that returns several pieces.
const (
	allVerified = "Whether a trusted signer has signed the manifesto and each piece of metadata that is listed. False " +
		"without verification, and for a repository without a manifesto."
	theManifesto = "the manifesto"
)

// verifiesAll completes the description of a data source that returns several pieces.
const verifiesAll = "\n\nWith `verification`, here or in the provider, everything that is listed comes from a " +
	"manifesto that a trusted signer has signed, and each piece that is listed must be signed as well, or the data " +
	"source fails. That takes about three requests for the manifesto and for each piece, once a run."
