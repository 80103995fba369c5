# Whom to call. The tag gives this contact to whatever build is current.
resource "manifesto_metadata" "contact" {
  image   = "ghcr.io/example/app:1.2"
  type    = "contact"
  content = "platform-team@example.com"
}

# An approval covers one build, so it names the digest.
resource "manifesto_metadata" "approval" {
  image = "ghcr.io/example/app@${data.manifesto_image.app.image_digest}"
  type  = "approval"
  content = jsonencode({
    approved = true
    by       = "security"
  })
  annotations = {
    ticket = "SEC-1234"
  }
}

# Content from a file stays out of the state.
resource "manifesto_metadata" "seccomp" {
  image      = "ghcr.io/example/app:1.2"
  type       = "seccomp"
  source     = "${path.module}/seccomp.json"
  media_type = "application/vnd.example.seccomp+json"
}

data "manifesto_image" "app" {
  image = "ghcr.io/example/app:1.2"
}
