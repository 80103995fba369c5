# Was: manifesto_image_metadata.owner, with metadata = { owner = { content = "platform-team@example.com" } }.
resource "manifesto_metadata" "owner" {
  image   = "ghcr.io/example/app:1.2"
  type    = "owner"
  content = "platform-team@example.com"
}

moved {
  from = manifesto_image_metadata.owner
  to   = manifesto_metadata.owner
}
