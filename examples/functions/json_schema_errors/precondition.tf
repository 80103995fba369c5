locals {
  contact_schema = jsonencode({
    type     = "object"
    required = ["team", "email"]
    properties = {
      team  = { type = "string" }
      email = { type = "string", format = "email" }
    }
  })
}

variable "contact" {
  type    = string
  default = "{\"team\":\"platform\",\"email\":\"platform@example.com\"}"
}

locals {
  contact_errors = provider::manifesto::json_schema_errors(local.contact_schema, var.contact)
}

output "contact" {
  value = jsondecode(var.contact)

  precondition {
    condition     = length(local.contact_errors) == 0
    error_message = join("\n", local.contact_errors)
  }
}
