data "manifesto_image" "bundle" {
  image           = var.from
  include_content = true
}

locals {
  packed  = try(jsondecode(data.manifesto_image.bundle.metadata["packing-list"].content), null)
  arrived = { for type, piece in data.manifesto_image.bundle.metadata : type => piece if type != "packing-list" }

  problems = !can(keys(local.packed)) ? ["there is no packing list"] : concat(
    [for type in keys(local.packed) : "${type} is missing" if !contains(keys(local.arrived), type)],
    [
      for type, piece in local.arrived : contains(keys(local.packed), type) ? "${type} was changed" : "${type} was added"
      if try(local.packed[type], "") != piece.digest
    ],
    [
      for type, piece in local.arrived : "the content of ${type} is missing"
      if piece.content == null && piece.content_base64 == null
    ],
    [for type in setsubtract(var.required, keys(local.packed)) : "${type} was not packed"],
  )
}

# The image must be at the target already. The packing list stays with it: it says what left.
resource "manifesto_image_metadata" "arrived" {
  image           = "${var.to}@${data.manifesto_image.bundle.image_digest}"
  overwrite       = var.overwrite
  keep_on_destroy = var.keep_previous

  metadata = {
    for type, piece in data.manifesto_image.bundle.metadata : type => {
      content        = piece.content
      content_base64 = piece.content_base64
      media_type     = piece.media_type
      annotations    = piece.annotations
    }
  }

  lifecycle {
    # If the image was not pushed, the build that arrived before loses nothing.
    create_before_destroy = true

    precondition {
      condition = length(local.problems) == 0
      error_message = (
        "The metadata of ${data.manifesto_image.bundle.id} is not complete: ${join("; ", local.problems)}."
      )
    }
  }
}
