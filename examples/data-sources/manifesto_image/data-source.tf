data "manifesto_image" "types" {
  image = "ghcr.io/example/app:1.2"
}

output "types" {
  value = data.manifesto_image.types.types
}
