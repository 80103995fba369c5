data "manifesto_image" "app" {
  image           = "ghcr.io/example/app:1.2"
  include_content = true
}

# The types of the image's metadata, and when each piece was stored.
output "metadata" {
  value = { for type, piece in data.manifesto_image.app.metadata : type => piece.created }
}

output "contact" {
  value = try(data.manifesto_image.app.metadata["contact"].content, "nobody")
}
