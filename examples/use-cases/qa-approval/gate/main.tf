data "manifesto_metadata" "approval" {
  image    = var.image
  type     = "approval"
  optional = true # A build that nobody approved is refused below, with the reason.
}

locals {
  # The tag was looked up together with the approval. What is deployed is exactly that build, wherever the tag moves.
  image    = "${data.manifesto_metadata.approval.repository}@${data.manifesto_metadata.approval.image_digest}"
  approval = try(jsondecode(data.manifesto_metadata.approval.content), null)
  by       = try(tostring(local.approval.by), "")

  refusal = (
    !data.manifesto_metadata.approval.exists ? "nobody has approved it" :
    try(local.approval.approved, null) != true ? "its approval says no" :
    !contains(var.approvers, local.by) ? "'${local.by}' may not approve" :
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
    condition     = local.refusal == ""
    error_message = "${local.image} should not run: ${local.refusal}."
  }
}
