output "image" {
  description = "The image to deploy, by digest. It is there only if the build passed the gate."
  value       = local.image
  depends_on  = [terraform_data.deployment]
}

output "approval" {
  description = "What the approval says, and who signed it when."
  value = {
    content   = local.approval
    signed_by = data.manifesto_metadata.approval.signed_by
    signed_at = data.manifesto_metadata.approval.signed_at
  }
}

# Anybody who can push can put any number into a list without a signature, so that only one with a signature counts.
output "version" {
  description = "Verified version of the repository's metadata, or else minimum_version. Require it the next time."
  value = (
    data.manifesto_metadata.approval.verified ? data.manifesto_metadata.approval.version : var.minimum_version
  )
}
