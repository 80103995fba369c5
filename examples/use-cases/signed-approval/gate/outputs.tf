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

output "version" {
  description = "Version of the repository's metadata that was read. Keep it, and require it the next time."
  value       = data.manifesto_metadata.approval.version
}
