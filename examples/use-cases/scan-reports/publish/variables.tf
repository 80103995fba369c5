variable "image" {
  description = "The image that was scanned, by digest: ghcr.io/example/app@sha256:…"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the scanned image by its digest: a tag may have moved since the scan."
  }
}

variable "report" {
  description = "Path of the JSON report of Trivy (trivy image --format json) or Grype (grype -o json)."
  type        = string
}
