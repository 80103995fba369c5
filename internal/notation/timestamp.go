package notation

import (
	"crypto/x509"

	"github.com/notaryproject/tspclient-go"
)

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
	timestamper, err := tspclient.NewHTTPTimestamper(o.Client, o.TimestampURL)
	if err != nil {
		return optionErrorf(optionTimestampURL, "it is no URL of a time stamping authority (http or https): %w", err)
	}
	s.options.Timestamper, s.options.TSARootCAs = timestamper, x509.NewCertPool()
	for _, root := range roots {
		s.options.TSARootCAs.AddCert(root)
	}
	return nil
}
