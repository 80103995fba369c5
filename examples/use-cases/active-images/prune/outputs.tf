output "prunable" {
  description = "Tags of each image that nothing keeps, by the digest of the image."
  value       = { for digest, image in local.tagged : digest => image.tags if !contains(local.kept, digest) }

  precondition {
    condition     = length(local.kept) > 0 || length(local.tagged) == 0
    error_message = "Nothing in ${var.repository} is kept: if no workload was marked, every image would be pruned."
  }
}
