data "manifesto_image" "from" {
  image           = var.from
  include_content = true
  include_types   = var.types
}

# By digest, so that the metadata cannot go to another build.
resource "manifesto_image_metadata" "to" {
  image           = "${var.to}@${data.manifesto_image.from.image_digest}"
  overwrite       = var.overwrite
  keep_on_destroy = var.keep_previous

  metadata = {
    for type, piece in data.manifesto_image.from.metadata : type => {
      content        = piece.content
      content_base64 = piece.content_base64
      media_type     = piece.media_type
      annotations    = piece.annotations
    }
  }

  lifecycle {
    # If the image was not copied, the build that was promoted before loses nothing.
    create_before_destroy = true
  }
}
