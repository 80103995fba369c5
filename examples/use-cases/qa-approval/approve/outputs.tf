output "approved" {
  description = "The approved images, each named by its digest."
  value       = [for approval in manifesto_metadata.approval : "${approval.repository}@${approval.image_digest}"]
}
