// Package credentials finds the credentials for a registry: in the provider's settings, in Docker's and Podman's files,
// in credential helpers, and from the clouds that this machine belongs to. It sends nothing to registries, except where
// a cloud hands out its registry's tokens, and knows nothing of Terraform.
package credentials
