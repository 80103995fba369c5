# Which builds are approved, and by whom. The list is complete: an approval that is not in it is removed.
resource "manifesto_repository_metadata" "approvals" {
  repository = "ghcr.io/example/app"
  type       = "approval"
  images = {
    for digest, approval in jsondecode(file("${path.module}/approvals.json")) : digest => jsonencode(approval)
  }
  json_schema = jsonencode({ # Checked at plan, for every image.
    type       = "object"
    required   = ["by", "ticket"]
    properties = { by = { type = "string" }, ticket = { type = "string" } }
  })
}

# Whom to call about the builds in use. The keys are tags: if a tag moves, the new build gets the contact.
resource "manifesto_repository_metadata" "contacts" {
  repository = "ghcr.io/example/app"
  type       = "contact"
  images = {
    "1.2" = "platform-team@example.com"
  }
}
