// Package notationtest gives tests what signs and what is signed: certificates, good and bad ones, signatures that
// notation.NewSigner would refuse to make, a time stamping authority, and a place for signatures in memory.
package notationtest
