data "manifesto_image" "from" {
  image           = var.from
  include_content = true
  include_types   = var.types
}

# One resource for each type: what else the image has at the target is not touched.
resource "manifesto_metadata" "to" {
  for_each = var.types

  image           = "${var.to}@${data.manifesto_image.from.image_digest}"
  type            = each.key
  content         = try(data.manifesto_image.from.metadata[each.key].content, null)
  content_base64  = try(data.manifesto_image.from.metadata[each.key].content_base64, null)
  media_type      = try(data.manifesto_image.from.metadata[each.key].media_type, null)
  annotations     = try(data.manifesto_image.from.metadata[each.key].annotations, null)
  keep_on_destroy = var.keep_previous

  lifecycle {
    # If the image was not copied, the build that was promoted before loses nothing.
    create_before_destroy = true

    precondition {
      condition     = contains(data.manifesto_image.from.types, each.key)
      error_message = "${var.from} has no ${each.key}: it is not promoted without."
    }
  }
}
