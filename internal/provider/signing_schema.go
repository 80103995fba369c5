package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Values of the attribute envelope.
const (
	envelopeJWS  = "jws"
	envelopeCOSE = "cose"
)

// signingAttribute is the attribute signing of the provider. Package notation validates what depends on several of its
// attributes, and all that is PEM.
func signingAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "How to sign what resources store, in the format of the [Notary " +
			"Project](https://notaryproject.dev): each piece of metadata, as an artifact that is attached to its image, and " +
			"each version of the manifesto. Resources sign unless they set `sign = false`. The provider signs with " +
			"`private_key` and `certificate_chain`, or by a `plugin`. It makes one signature for trial before it does " +
			"anything else, so that a key or a certificate that cannot sign is an error of the plan.",
		Optional: true,
		Attributes: map[string]schema.Attribute{
			"private_key": schema.StringAttribute{
				MarkdownDescription: "Private key to sign with, as PEM: RSA with 2048, 3072 or 4096 bits, or ECDSA with the " +
					"curve P-256, P-384 or P-521. Take it from an ephemeral resource or an ephemeral variable, so that no plan file " +
					"contains it. Conflicts with `plugin`.",
				Optional:  true,
				Sensitive: true,
			},
			"certificate_chain": schema.StringAttribute{
				MarkdownDescription: "Certificate of `private_key`, followed by the certificate of each issuer up to the root, " +
					"as PEM. The first must be a certificate for signing and not that of an authority; its key usage is digital " +
					"signature.",
				Optional: true,
			},
			"plugin": schema.SingleNestedAttribute{
				MarkdownDescription: "Plugin of the Notary Project that signs with a key that stays in a key management service, " +
					"such as Azure Key Vault or HashiCorp Vault. A plugin that makes whole envelopes, such as the one of AWS " +
					"Signer, signs too, but `verification` refuses its signatures: checking them needs a plugin as well. Conflicts " +
					"with `private_key`.",
				Optional:   true,
				Attributes: signingPluginAttributes(),
			},
			"envelope": schema.StringAttribute{
				MarkdownDescription: "Format of the signatures: `jws` or `cose`. Verifiers read both. Defaults to `jws`.",
				Optional:            true,
				Validators:          []validator.String{stringvalidator.OneOf(envelopeJWS, envelopeCOSE)},
			},
			"expiry": schema.StringAttribute{
				MarkdownDescription: "How long a signature is valid, as a duration in whole seconds, such as `8760h` for a year. " +
					"Without a timestamp, it must end before the certificates do. A plan signs again when less than a third is " +
					"left. By default signatures do not expire, and are valid as long as their certificates.",
				Optional:   true,
				Validators: []validator.String{isExpiry()},
			},
			"timestamp_url": schema.StringAttribute{
				MarkdownDescription: "Address of a time stamping authority (RFC 3161), such as `http://timestamp.digicert.com`, " +
					"that confirms when a signature was made. Readers who trust the authority accept the signature after its " +
					"certificate has expired. Without it, the time of a signature is the claim of its signer.",
				Optional:   true,
				Validators: []validator.String{isDemand("timestamp_url")},
			},
			"timestamp_certificates": schema.StringAttribute{
				MarkdownDescription: "Root certificates of the time stamping authority, as PEM. A timestamp of any other " +
					"authority is an error.",
				Optional:   true,
				Validators: []validator.String{isDemand("timestamp_certificates")},
			},
		},
	}
}

// signingPluginAttributes are the attributes of a signingPluginModel.
func signingPluginAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "Name of a plugin that the command `notation` has installed, such as `azure-kv`. The " +
				"environment variables `NOTATION_LIBEXEC` and `NOTATION_CONFIG` say where, as they do for `notation`. Conflicts " +
				"with `path`.",
			Optional:   true,
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"path": schema.StringAttribute{
			MarkdownDescription: "Path of the plugin's executable, such as `/opt/plugins/notation-azure-kv`. Conflicts with " +
				"`name`.",
			Optional:   true,
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"key_id": schema.StringAttribute{
			MarkdownDescription: "What the plugin calls the key: with most plugins the address, the ARN or the name of a key " +
				"or certificate.",
			Required:   true,
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"config": schema.MapAttribute{
			MarkdownDescription: "Settings for the plugin, as its documentation describes them. Not for secrets: they appear " +
				"in the list of processes or in logs of some plugins.",
			ElementType: types.StringType,
			Optional:    true,
		},
		"environment": schema.MapAttribute{
			MarkdownDescription: "Environment variables for the plugin, such as the credentials for its service. Of the " +
				"provider's own environment it gets only the variables that say where to find programs, the home directory and " +
				"temporary files.",
			ElementType: types.StringType,
			Optional:    true,
			Sensitive:   true,
		},
	}
}
