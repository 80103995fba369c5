package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// verificationName is the attribute with the settings of verification, of the provider and of what reads metadata.
const verificationName = "verification"

// Values of the attributes level and revocation.
const (
	levelStrict     = "strict"
	levelPermissive = "permissive"
	revocationOff   = "off"
	revocationCheck = "check"
)

// providerVerification describes the attribute verification of the provider.
const providerVerification = "Whose signatures to trust. Data sources and ephemeral resources then return metadata " +
	"only if a trusted signer has signed it and the manifesto that lists it, and the refresh of a resource plans to " +
	"sign again what is not. Without it, the provider verifies no signature."

// ownVerification describes the attribute verification of what reads metadata.
const ownVerification = "Whose signatures to trust here. It replaces the whole of the provider's `verification`: " +
	"what it leaves out has its default."

// verificationAttribute is the attribute verification, in the form of a data source. Package notation validates the
// certificates and the identities.
func verificationAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: description,
		Optional:            true,
		Attributes: map[string]schema.Attribute{
			"trusted_certificates": schema.StringAttribute{
				MarkdownDescription: "Root certificates of the signers to trust, as PEM, one after the other, such as " +
					"`file(\"signers.pem\")`. A self-signed signing certificate is its own root. The provider compares certificates " +
					"byte by byte, so a root that was issued again with the same key is another one: list both until all signatures " +
					"that you need are made with the new one.",
				Required: true,
			},
			"trusted_identities": schema.ListAttribute{
				MarkdownDescription: "Signers to trust among those that the roots have certified, by the subject of the signing " +
					"certificate: `x509.subject: C=US, ST=WA, O=Example, CN=release`. Country, state and organization are required, " +
					"and a certificate matches if its subject has all that is listed. `*` trusts every certificate of the roots: " +
					"use it only if they certify nobody else.",
				ElementType: types.StringType,
				Required:    true,
			},
			"level": schema.StringAttribute{
				MarkdownDescription: "`strict` refuses a signature that has expired, or whose certificate has. `permissive` " +
					"accepts it with a warning. Both refuse an unknown signer and changed content. Defaults to `strict`.",
				Optional:   true,
				Validators: []validator.String{isLevel()},
			},
			"revocation": schema.StringAttribute{
				MarkdownDescription: "Whether to ask the certificate authorities if a certificate has been revoked. `check` asks " +
					"the services that the certificates name (OCSP responders, revocation lists), once in a run for each chain of " +
					"certificates, and refuses signatures if there is no answer. Defaults to `off`.",
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(revocationOff, revocationCheck)},
			},
			"required": schema.BoolAttribute{
				MarkdownDescription: "Whether metadata without a signature to trust is an error. If `false`, it is returned all " +
					"the same: check `verified` before you rely on it. Defaults to `true`.",
				Optional: true,
			},
			"timestamp_certificates": schema.StringAttribute{
				MarkdownDescription: "Root certificates of the time stamping authorities to trust, as PEM. Then only signatures " +
					"with a timestamp of one of them count, and they still do after their certificate has expired. Left out, no " +
					"timestamp is demanded; an empty text is an error.",
				Optional:   true,
				Validators: []validator.String{isDemand("timestamp_certificates")},
			},
			"accepted_rollback": schema.StringAttribute{
				MarkdownDescription: "Digest of one manifesto to accept although this configuration has seen a newer one, or " +
					"although it was signed for another repository, for example after the registry was restored from a " +
					"backup or the repository was renamed. Take it from the error that refuses the manifesto, and remove it " +
					"after the next apply.",
				Optional:   true,
				Validators: []validator.String{isDigest()},
			},
		},
	}
}
