// Package serve serves the provider to Terraform. It keeps log lines that nobody asked for from being written.
package serve
