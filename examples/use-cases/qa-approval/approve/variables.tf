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

  validation {
    condition     = alltrue([for approval in values(var.approvals) : trimspace(approval.by) != ""])
    error_message = "Say for each build who approved it."
  }

  validation {
    condition     = alltrue([for approval in values(var.approvals) : can(timeadd(approval.at, "0s"))])
    error_message = "Say for each build when it was approved, such as 2026-03-02T09:30:00Z."
  }
}
