terraform {
  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}

variable "repository" {
  description = "Repository of the images."
  type        = string
}

variable "approved" {
  description = "Digest of the build that security has approved."
  type        = string
}

resource "manifesto_metadata" "contact" {
  image   = "${var.repository}:1.2"
  type    = "contact"
  content = "platform-team@example.com"
}

resource "manifesto_metadata" "approval" {
  image       = "${var.repository}@${var.approved}"
  type        = "approval"
  content     = jsonencode({ approved = true, by = "security" })
  annotations = { ticket = "SEC-1234" }
}
