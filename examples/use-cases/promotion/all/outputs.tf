output "image" {
  description = "Promoted image by digest."
  value       = manifesto_image_metadata.to.image
}

output "types" {
  description = "Types of metadata that the promoted image has."
  value       = keys(manifesto_image_metadata.to.metadata)
}
