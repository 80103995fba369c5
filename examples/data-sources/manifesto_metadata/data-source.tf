data "manifesto_metadata" "contact" {
  image = "ghcr.io/example/app:1.2"
  type  = "contact"
}

output "contact" {
  value = data.manifesto_metadata.contact.content
}
