// Command plugin is a signing plugin of the Notary Project for tests. It takes its key from its environment, as the
// provider hands it over, and keeps it in memory. Environment variables:
//
//   - E2E_PLUGIN_KEY is the private key, ECDSA on P-256 as PKCS #8 in PEM;
//   - E2E_PLUGIN_CHAIN has its certificates in PEM, with the root at the end;
//   - E2E_PLUGIN_ENVELOPES, if not empty, makes it sign whole envelopes instead of bare signatures.
//
// Keys of its configuration:
//
//   - environment_file is a file to which it writes its environment as a list in JSON;
//   - hang is a command that it never answers, such as generate-signature.
package main
