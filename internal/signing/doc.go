// Package signing has the signatures of manifests as the Notary Project stores them: a manifest that names what is
// signed as its subject, with an envelope as its only layer. It knows how signatures are stored and who may vouch for
// what, and neither keys nor certificates: package notation implements Signer and Verifier.
package signing
