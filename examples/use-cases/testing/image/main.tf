# Stores all metadata of one image, as another tool might: the tests look at what the modules make of it.
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

variable "contents" {
  type = map(string)
}

resource "manifesto_image_metadata" "stored" {
  image    = var.image
  metadata = { for type, content in var.contents : type => { content = content } }
}
