output "image" {
  description = "The build that has the contact now, by digest."
  value       = "${manifesto_metadata.contact.repository}@${manifesto_metadata.contact.image_digest}"
}
