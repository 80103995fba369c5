// Package cloud finds credentials for the clouds' own registries with the identity that this machine, job or user has
// in that cloud. It contacts a cloud only when a registry of that cloud is asked for.
package cloud
