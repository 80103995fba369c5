output "payload" {
  description = "What has to be signed."
  value       = local.payload
}

output "mirrored" {
  description = "Whether the image has an attestation, because it has an approval to trust."
  value       = local.approved
}

# Anybody who can push can put any number into a list without a signature, so that only one with a signature counts.
output "version" {
  description = "Verified version of the repository's metadata, or else minimum_version. Require it the next time."
  value = (
    data.manifesto_metadata.approval.verified ? data.manifesto_metadata.approval.version : var.minimum_version
  )
}
