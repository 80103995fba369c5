// Package provider is the Terraform surface of the program: schemas, plans, state and diagnostics. It holds no HTTP and
// no JSON of the stored format. The package manifesto knows what a manifesto is; the packages registry and layout know
// how to reach one.
package provider
