data "manifesto_repository" "app" {
  repository = "ghcr.io/example/app"
}

# Which images have metadata, and of which types.
output "types" {
  value = { for digest, image in data.manifesto_repository.app.images : digest => keys(image.metadata) }
}
