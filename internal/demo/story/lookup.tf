data "manifesto_metadata" "approval" {
  image = var.image
  type  = "approval"

  lifecycle {
    postcondition {
      condition     = jsondecode(self.content).approved
      error_message = "This build has not been approved."
    }
  }
}

data "manifesto_image" "app" {
  image = var.image
}

output "approved_image" {
  value = "${data.manifesto_metadata.approval.repository}@${data.manifesto_metadata.approval.image_digest}"
}

output "types" {
  value = data.manifesto_image.app.types
}
