locals {
  schema = file("${path.module}/approval.schema.json")

  # A file that is not YAML is null.
  approvals = { for name, text in var.files : name => try(yamldecode(text), null) }

  errors = {
    for name, approval in local.approvals : name => (
      approval == null
      ? ["not YAML, or empty"]
      : provider::manifesto::json_schema_errors(local.schema, jsonencode(approval))
    )
  }

  # The files of each build: two would declare the same metadata twice.
  files = {
    for name, approval in local.approvals :
    try(provider::manifesto::parse_reference(approval.image).name, approval.image) => name...
    if length(local.errors[name]) == 0
  }
  twice = flatten([for names in local.files : names if length(names) > 1])
}

# The keys are the names of the files, so that every error of the provider names the file, too.
resource "manifesto_metadata" "approval" {
  for_each = local.approvals

  image      = each.value.image
  type       = var.type
  content    = jsonencode(merge({ for key, value in each.value : key => value if key != "image" }, { approved = true }))
  media_type = "application/json"

  lifecycle {
    precondition {
      condition     = length(local.errors[each.key]) == 0
      error_message = join("\n", [for message in local.errors[each.key] : "${each.key}: ${message}"])
    }

    precondition {
      condition     = !contains(local.twice, each.key)
      error_message = "${each.key}: another of these files approves the same build: ${join(", ", local.twice)}."
    }
  }
}
