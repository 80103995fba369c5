locals {
  # Without what is not set, so that the metadata has no nulls.
  contact = jsonencode({ for key, value in var.contact : key => value if value != null })

  # Places and rules only: a message does not repeat a webhook that is in the wrong place.
  problems = provider::manifesto::json_schema_errors(file("${path.module}/../contact.schema.json"), local.contact)
}

# The tag names the current build: when it moves, the contact moves along.
resource "manifesto_metadata" "contact" {
  image   = var.image
  type    = "contact"
  content = local.contact

  lifecycle {
    precondition {
      condition     = length(local.problems) == 0
      error_message = "This is no contact: ${join("; ", local.problems)}."
    }
  }
}
