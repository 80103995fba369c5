locals {
  # Without what is not set, so that the metadata has no nulls.
  contact = jsonencode({ for key, value in var.contact : key => value if value != null })
}

# The tag names the current build: when it moves, the contact moves along.
resource "manifesto_metadata" "contact" {
  image   = var.image
  type    = "contact"
  content = local.contact

  lifecycle {
    precondition {
      condition     = length(provider::manifesto::json_schema_errors(file("${path.module}/../contact.schema.json"), local.contact)) == 0
      error_message = join("\n", provider::manifesto::json_schema_errors(file("${path.module}/../contact.schema.json"), local.contact))
    }
  }
}
