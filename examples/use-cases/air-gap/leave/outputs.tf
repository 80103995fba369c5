output "image" {
  description = "Image in the bundle by digest."
  value       = manifesto_image_metadata.bundle.image
}

output "packing_list" {
  description = "Digest of each piece of metadata in the bundle, by its type."
  value       = jsondecode(manifesto_image_metadata.bundle.metadata["packing-list"].content)
}
