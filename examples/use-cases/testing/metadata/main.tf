# Stores one piece of metadata, as another tool might: the tests look at what the modules make of it.
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

variable "type" {
  type = string
}

variable "content" {
  type = string
}

resource "manifesto_metadata" "stored" {
  image   = var.image
  type    = var.type
  content = var.content
}
