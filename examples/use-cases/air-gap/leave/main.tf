data "manifesto_image" "from" {
  image           = var.from
  include_content = true
  include_types   = var.types
}

locals {
  # A list that came with the image, over an earlier gap, is replaced.
  metadata = { for type, piece in data.manifesto_image.from.metadata : type => piece if type != "packing-list" }
}

# The image must be in the bundle already. By digest, so that the metadata cannot go to another build.
resource "manifesto_image_metadata" "bundle" {
  image           = "${var.to}@${data.manifesto_image.from.image_digest}"
  overwrite       = true # The bundle may have metadata that was copied with the image.
  keep_on_destroy = true # A bundle that was carried away stays as it is.

  metadata = merge(
    {
      for type, piece in local.metadata : type => {
        content        = piece.content
        content_base64 = piece.content_base64
        media_type     = piece.media_type
        annotations    = piece.annotations
      }
    },
    {
      # What has to arrive: the digest of each piece by its type.
      packing-list = {
        content        = jsonencode({ for type, piece in local.metadata : type => piece.digest })
        content_base64 = null
        media_type     = "application/json"
        annotations    = null
      }
    },
  )

  lifecycle {
    create_before_destroy = true

    precondition {
      condition = length(setsubtract(var.required, keys(local.metadata))) == 0
      error_message = format(
        "%s does not leave without %s.", data.manifesto_image.from.id,
        join(", ", setsubtract(var.required, keys(local.metadata))),
      )
    }
  }
}
