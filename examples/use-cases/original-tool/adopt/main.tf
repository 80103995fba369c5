# Can go after the first apply.
import {
  to = manifesto_repository_metadata.adopted
  id = "${var.repository}#${var.type}"
}

resource "manifesto_repository_metadata" "adopted" {
  repository = var.repository
  type       = var.type
  images     = var.contents
}
