variable "image" {
  type    = string
  default = "ghcr.io/example/app:1.2@sha256:3f4a8d1c5e6b7a90f1e2d3c4b5a69788f0e1d2c3b4a5968778695a4b3c2d1e0f"

  validation {
    condition     = provider::manifesto::parse_reference(var.image).digest != null
    error_message = "Name the image by its digest."
  }
}

locals {
  image = provider::manifesto::parse_reference(var.image)
}

output "image" {
  value = local.image.name # Without the tag: ghcr.io/example/app@sha256:3f4a…
}

output "tag" {
  value = local.image.tag # 1.2
}
