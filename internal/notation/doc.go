// Package notation signs manifests and verifies signatures as the Notary Project does, with the signer and the verifier
// of notation-go. It implements signing.Signer and signing.Verifier.
//
// It looks for a good signature itself: notation-go's loop over signatures gives up at the first malformed one and
// after a number of foreign ones, so that anyone who can push could lock readers out.
package notation
