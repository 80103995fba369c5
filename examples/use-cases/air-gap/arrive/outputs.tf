output "image" {
  description = "Image at the target by digest. It is there only if its metadata is complete."
  value       = manifesto_image_metadata.arrived.image
}

output "digest" {
  description = "Digest of the image, as the bundle has it."
  value       = data.manifesto_image.bundle.image_digest
}

output "types" {
  description = "Types of metadata that arrived."
  value       = keys(local.arrived)
}
