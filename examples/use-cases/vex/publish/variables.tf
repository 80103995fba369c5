variable "image" {
  description = "The image that the document is about, by digest: ghcr.io/example/app@sha256:…"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: a VEX document is about what one build contains."
  }
}

variable "document" {
  description = "Path of the OpenVEX document, such as one that vexctl wrote."
  type        = string
}
