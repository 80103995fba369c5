package notation

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Names of options in an OptionError. They are those of the provider's configuration.
const (
	optionKey              = "private_key"
	optionChain            = "certificate_chain"
	optionPlugin           = "plugin"
	optionPluginName       = "plugin.name"
	optionPluginPath       = "plugin.path"
	optionPluginKey        = "plugin.key_id"
	optionPluginVariables  = "plugin.environment"
	optionEnvelope         = "envelope"
	optionExpiry           = "expiry"
	optionTimestampURL     = "timestamp_url"
	optionTimestampRoots   = "timestamp_certificates"
	optionTrusted          = "trusted_certificates"
	optionTrustedIdentites = "trusted_identities"
)

// OptionError is an error of one option. Its text says what is wrong and what to do, and repeats no secret.
type OptionError struct {
	// Option is the name of the option as the provider's configuration has it, such as "certificate_chain" or
	// "plugin.name".
	Option string
	// Err is what is wrong with it.
	Err error
}

// Error implements error.
func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the option.
func (e *OptionError) Unwrap() error { return e.Err }

// optionErrorf returns an error of an option.
func optionErrorf(option, format string, args ...any) error {
	return &OptionError{Option: option, Err: fmt.Errorf(format, args...)}
}

// SignerOptions say what to sign with: a private key with its certificates, or a plugin.
type SignerOptions struct {
	// PrivateKey is in PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted. It is a secret.
	PrivateKey []byte
	// CertificateChain is in PEM: the signing certificate, what issued it, and so on to the root.
	CertificateChain []byte
	// Plugin signs in the place of a key. Nil means that there is a key.
	Plugin *PluginOptions
	// Envelope is the media type of envelopes, signing.MediaTypeJWS or signing.MediaTypeCOSE. Empty means the first.
	Envelope string
	// Expiry is how long a signature counts, in whole seconds. Zero means without end.
	Expiry time.Duration
	// TimestampURL is where a time stamping authority (RFC 3161) confirms when a signature was made. Empty means none.
	TimestampURL string
	// TimestampCertificates are the root certificates of the authority, in PEM.
	TimestampCertificates []byte
	// Client asks the time stamping authority. Nil means one with a timeout of some seconds.
	Client *http.Client
	// Logger may be nil.
	Logger *slog.Logger
}

// envelope returns the media type of envelopes.
func (o SignerOptions) envelope() (string, error) {
	switch o.Envelope {
	case "":
		return signing.MediaTypeJWS, nil
	case signing.MediaTypeJWS, signing.MediaTypeCOSE:
		return o.Envelope, nil
	}
	return "", optionErrorf(optionEnvelope, "%q is not a media type of envelopes: they are %s and %s",
		o.Envelope, signing.MediaTypeJWS, signing.MediaTypeCOSE)
}

// checkExpiry checks what can be told without certificates.
func (o SignerOptions) checkExpiry() error {
	switch {
	case o.Expiry < 0:
		return optionErrorf(optionExpiry, "%s is negative", o.Expiry)
	case o.Expiry%time.Second != 0:
		return optionErrorf(optionExpiry, "%s is not a whole number of seconds: a signature cannot tell", o.Expiry)
	}
	return nil
}

// PluginOptions say which plugin signs. Plugins are programs of the Notary Project that ask a key management service.
type PluginOptions struct {
	// Name finds the plugin in notation's directory of plugins, Path anywhere. One of them is set.
	Name, Path string
	// KeyID says which key, in the words of the plugin.
	KeyID string
	// Config is handed to the plugin with each request.
	Config map[string]string
	// Environment has the environment variables of the plugin besides PATH and those that say where the home directory
	// and temporary files are. It sees no other.
	Environment map[string]string
	// Timeout bounds each call of the plugin. Zero means a minute.
	Timeout time.Duration
}

// VerifierOptions say which signatures to trust.
type VerifierOptions struct {
	// Certificates are in PEM: a signature counts if its chain has one of them.
	Certificates []byte
	// Identities say which signing certificates count, by their subjects: "x509.subject: C=..., ST=..., O=..." with the
	// attributes that a subject must have. "*" alone means all.
	Identities []string
	// Permissive lets signatures count that have expired, or whose certificates have.
	Permissive bool
	// CheckRevocation asks the authorities that the certificates name whether a certificate is revoked. A signature does
	// not count if they do not answer.
	CheckRevocation bool
	// TimestampCertificates are root certificates of time stamping authorities, in PEM. If there are any, only signatures
	// with a timestamp of one of them count.
	TimestampCertificates []byte
	// Client asks about revocation. Nil means one with a timeout of some seconds.
	Client *http.Client
	// Logger may be nil.
	Logger *slog.Logger
}

// errNoPEM says that there is no PEM at all.
var errNoPEM = errors.New("it is not PEM: it has no block that begins with -----BEGIN; pass the text of a file, such " +
	"as file(\"release.pem\"), and not its path")
