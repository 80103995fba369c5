output "image" {
  description = "The image to deploy, by digest. It is there only if the build passed the gate."
  value       = data.manifesto_image.scans.id
  depends_on  = [terraform_data.deployment]
}

output "summaries" {
  description = "What the scanners found, by scanner."
  value       = local.summaries
}
