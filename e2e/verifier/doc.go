// Command verifier verifies a manifest as a Go program of any user of the Notary Project would: with notation.Verify, a
// trust policy and a trust store in files, and oras-go's client of a registry. It has no code of the provider, so that
// the tests show what others make of the provider's signatures. It prints what was verified as JSON.
//
//	verifier -config DIRECTORY [-plain-http] REFERENCE
//
// The directory has the file trustpolicy.json and the directory truststore, as the one of the command notation.
package main
