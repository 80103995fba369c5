// Command demo tells the provider's main story with a real Terraform or OpenTofu and a registry that it starts itself.
// Metadata is declared, planned and applied. Another tool changes it. Terraform repairs it, looks it up, imports and
// destroys it. The command leaves nothing behind.
package main
