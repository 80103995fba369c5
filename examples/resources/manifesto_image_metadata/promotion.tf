# The metadata of the build in staging.
data "manifesto_image" "staging" {
  image           = "ghcr.io/example/staging:1.2"
  include_content = true
}

# The same build in production has the same metadata, text and binary.
resource "manifesto_image_metadata" "production" {
  image = "ghcr.io/example/production@${data.manifesto_image.staging.image_digest}"
  metadata = {
    for type, piece in data.manifesto_image.staging.metadata : type => {
      content        = piece.content
      content_base64 = piece.content_base64
      media_type     = piece.media_type
      annotations    = piece.annotations
    }
  }
}
