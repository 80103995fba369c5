# Everything that is said about one build, in one place. What anybody adds besides shows in the next plan.
resource "manifesto_image_metadata" "release" {
  image = "ghcr.io/example/app@${var.approved_digest}"
  metadata = {
    contact = { content = "platform-team@example.com" }
    approval = {
      content     = jsonencode({ approved = true, by = "security" })
      annotations = { ticket = "SEC-1234" }
    }
    logo = {
      content_base64 = filebase64("${path.module}/logo.png")
      media_type     = "image/png"
    }
  }
  json_schema = { # Checked at plan.
    approval = jsonencode({
      type       = "object"
      required   = ["approved", "by"]
      properties = { approved = { type = "boolean" }, by = { type = "string" } }
    })
  }
}

variable "approved_digest" {
  description = "Digest of the build that has been approved, such as sha256:3f4a…"
  type        = string
}
