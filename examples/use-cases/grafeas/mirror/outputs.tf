output "payload" {
  description = "What has to be signed."
  value       = local.payload
}

output "mirrored" {
  description = "Whether the image has an attestation, because it has an approval to trust."
  value       = local.approved
}
