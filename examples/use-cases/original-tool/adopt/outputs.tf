output "digests" {
  description = "Digest of the content by digest of the image."
  value       = manifesto_repository_metadata.adopted.digests
}
