data "manifesto_metadata" "approval" {
  image = "ghcr.io/example/app:1.2"
  type  = "approval"

  lifecycle {
    postcondition {
      condition     = jsondecode(self.content).approved
      error_message = "This build has not been approved."
    }
  }
}

# The approved build, by digest, for a deployment.
output "approved_image" {
  value = "${data.manifesto_metadata.approval.repository}@${data.manifesto_metadata.approval.image_digest}"
}
