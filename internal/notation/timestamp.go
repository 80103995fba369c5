package notation

import (
	"cmp"
	"crypto/x509"
	"net/http"
	"net/url"
	"time"

	"github.com/notaryproject/tspclient-go"
)

// timestampTimeout bounds a request for a timestamp if the given client does not.
const timestampTimeout = 15 * time.Second

// withTimeout returns a client that has a timeout: the given one if it has, nil means the default one.
func withTimeout(client *http.Client, timeout time.Duration) *http.Client {
	var copied http.Client
	if client != nil {
		copied = *client
	}
	copied.Timeout = cmp.Or(copied.Timeout, timeout)
	return &copied
}

// withTimestamps makes a time stamping authority confirm when signatures are made.
func (s *signer) withTimestamps(o SignerOptions) error {
	switch {
	case o.TimestampURL == "" && len(o.TimestampCertificates) == 0:
		return nil
	case o.TimestampURL == "":
		return optionErrorf(optionTimestampURL, "it is missing: timestamp_certificates are those of the authority at it")
	case len(o.TimestampCertificates) == 0:
		return optionErrorf(optionTimestampRoots, "they are missing: set the root certificates of the time stamping "+
			"authority, so that a wrong answer is noticed")
	}
	roots, err := parseRoots(o.TimestampCertificates)
	if err != nil {
		return &OptionError{Option: optionTimestampRoots, Err: err}
	}
	switch parsed, malformed := url.Parse(o.TimestampURL); {
	case malformed != nil: // It repeats the URL.
		return optionErrorf(optionTimestampURL, "it is no URL")
	case parsed.User != nil:
		return optionErrorf(optionTimestampURL, "it must not have a user or a password, which messages would repeat")
	}
	timestamper, err := tspclient.NewHTTPTimestamper(withTimeout(o.Client, timestampTimeout), o.TimestampURL)
	if err != nil {
		return optionErrorf(optionTimestampURL, "it is no URL of a time stamping authority (http or https): %w", err)
	}
	s.options.Timestamper, s.options.TSARootCAs = timestamper, x509.NewCertPool()
	for _, root := range roots {
		s.options.TSARootCAs.AddCert(root)
	}
	return nil
}
