// Package serve serves the provider to Terraform. It keeps log lines that nobody asked for from being written, and the
// garbage collector from running more often than the memory requires.
package serve
