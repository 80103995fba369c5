terraform {
  required_version = ">= 1.3"

  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}
