terraform {
  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}

variable "image" {
  type = string
}

resource "manifesto_metadata" "contact" {
  image   = var.image
  type    = "contact"
  content = "platform-team@example.com"
}

resource "manifesto_metadata" "approval" {
  image       = var.image
  type        = "approval"
  content     = jsonencode({ approved = true, by = "security" })
  annotations = { ticket = "SEC-1234" }
}

resource "manifesto_metadata" "seccomp" {
  image  = var.image
  type   = "seccomp"
  source = "${path.module}/seccomp.json"
}
