data "manifesto_repository" "contacts" {
  repository = "ghcr.io/example/app"
  has_type   = "contact"
}

import {
  for_each = data.manifesto_repository.contacts.images
  to       = manifesto_metadata.contact[each.key]
  id       = "${data.manifesto_repository.contacts.id}@${each.key}#contact"
}

resource "manifesto_metadata" "contact" {
  for_each = data.manifesto_repository.contacts.images
  image    = "${data.manifesto_repository.contacts.id}@${each.key}"
  type     = "contact"
  content  = "platform-team@example.com"
}
