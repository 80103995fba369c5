data "manifesto_repository" "images" {
  repository   = var.repository
  types        = var.keep_types
  include_tags = true
}

locals {
  # Images inside a multi-platform image have no tags and are not listed: the registry collects them with the whole.
  tagged = { for digest, image in data.manifesto_repository.images.images : digest => image if length(image.tags) > 0 }
  kept = [
    for digest, image in local.tagged : digest
    if length(image.metadata) > 0 || anytrue([for tag in image.tags : can(regex(var.keep_tags, tag))])
  ]
}

# When an image was deleted, the next apply removes its metadata. Marks are left to those who set them.
resource "manifesto_retention" "gone" {
  repository = var.repository
  keep_types = ["active/*"]
}
