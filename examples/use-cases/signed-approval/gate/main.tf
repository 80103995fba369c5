# Without a signature by one of the trusted, this is an error that says which signatures there are, and what is wrong
# with them.
data "manifesto_metadata" "approval" {
  image           = var.image
  type            = "approval"
  optional        = true # A build that nobody approved is refused below.
  minimum_version = var.minimum_version

  verification = {
    trusted_certificates = var.trusted_certificates
    trusted_identities   = var.trusted_identities
    required             = var.enforce
  }
}

locals {
  # The tag was looked up together with the approval. What is deployed is exactly that build, wherever the tag moves.
  image    = "${data.manifesto_metadata.approval.repository}@${data.manifesto_metadata.approval.image_digest}"
  approval = try(jsondecode(data.manifesto_metadata.approval.content), null)

  refusal = (
    !data.manifesto_metadata.approval.exists ? "nobody has approved it" :
    !data.manifesto_metadata.approval.verified ? "its approval cannot be trusted" :
    try(local.approval.approved, null) != true ? "its approval says no" :
    ""
  )
}

# Stands for the deployment, such as a kubernetes_deployment_v1: nothing is created or changed while it is refused.
resource "terraform_data" "deployment" {
  input = local.image

  lifecycle {
    precondition {
      condition     = local.refusal == "" || !var.enforce
      error_message = "${local.image} is not deployed: ${local.refusal}."
    }
  }
}

# Warns at every plan, also where enforcement is off.
check "approved" {
  assert {
    condition = local.refusal == ""
    error_message = join(" ", compact([
      "${local.image} should not run: ${local.refusal}.", data.manifesto_metadata.approval.verification_error,
    ]))
  }
}
