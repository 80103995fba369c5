# Whom to call. The tag gives this contact to whatever build is current.
resource "manifesto_metadata" "contact" {
  image   = "ghcr.io/example/app:1.2"
  type    = "contact"
  content = "platform-team@example.com"
}

# An approval covers one build. Its digest is given, for example by the pipeline or in a file under review: a digest that
# a data source takes from the tag would follow the tag to a build that nobody approved.
resource "manifesto_metadata" "approval" {
  image = "ghcr.io/example/app@${var.approved_digest}"
  type  = "approval"
  content = jsonencode({
    approved = true
    by       = "security"
  })
  json_schema = jsonencode({ # Checked at plan.
    type       = "object"
    required   = ["approved", "by"]
    properties = { approved = { type = "boolean" }, by = { type = "string" } }
  })
  annotations = {
    ticket = "SEC-1234"
  }
}

# Content from a file stays out of the state. Here seccomp.json is, for example,
#   { "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{ "names": ["read", "write"], "action": "SCMP_ACT_ALLOW" }] }
resource "manifesto_metadata" "seccomp" {
  image      = "ghcr.io/example/app:1.2"
  type       = "seccomp"
  source     = "${path.module}/seccomp.json"
  media_type = "application/vnd.example.seccomp+json"
}

variable "approved_digest" {
  description = "Digest of the build that has been approved, such as sha256:3f4a…"
  type        = string
}
