// Package e2e tests the provider and its commit protocol with real Terraform processes and real registry servers.
package e2e
