variable "deploy" {
  description = "Tag of the build to deploy."
  type        = string
  default     = "1.1"
}

data "manifesto_image" "app" {
  image = "${var.repository}:${var.deploy}"

  lifecycle {
    postcondition {
      condition     = contains(self.types, "approval")
      error_message = "Nobody has approved the build ${var.deploy}."
    }
  }
}

output "deploys" {
  value = "${var.repository}@${data.manifesto_image.app.image_digest}"
}
