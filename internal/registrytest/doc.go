// Package registrytest starts registries on loopback ports for tests and for the demo. It has two embedded servers, one
// of them stricter than the other. Each server keeps a log of its requests, can require basic authentication, and has a
// hook to inject faults. Environment variables replace the embedded servers by any other registry: see [EnvCommand] and
// [EnvAddress].
package registrytest
