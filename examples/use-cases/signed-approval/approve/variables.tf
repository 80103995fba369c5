variable "repository" {
  description = "Repository of the images, such as ghcr.io/example/app."
  type        = string
}

variable "approvals" {
  description = "Who approved which build, and when (RFC 3339), by the digest of the build. Remove one to revoke it."
  type = map(object({
    by     = string
    at     = string
    ticket = optional(string)
  }))

  validation {
    condition     = alltrue([for digest in keys(var.approvals) : can(regex("^sha256:[0-9a-f]{64}$", digest))])
    error_message = "Name each build by its digest (sha256:…), not by a tag."
  }
}

variable "private_key" {
  description = "Key that signs, as PEM. It is in no plan and no state."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "certificate_chain" {
  description = "Certificate of the key, and those up to its root, as PEM."
  type        = string
}

variable "trusted_certificates" {
  description = "Root certificates to trust, as PEM, one after another."
  type        = string
}

variable "trusted_identities" {
  description = "Whose signatures count: * for all, or subjects such as x509.subject: C=DE, ST=Berlin, O=Example, CN=QA."
  type        = list(string)
  default     = ["*"]
}
