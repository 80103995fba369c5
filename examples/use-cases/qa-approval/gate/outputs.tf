output "image" {
  description = "The image to deploy, by digest. It is there only if the build passed the gate."
  value       = local.image
  depends_on  = [terraform_data.deployment]
}

output "approval" {
  description = "Who approved the build, when, and on which ticket. Null if nobody did."
  value       = local.approval
}
