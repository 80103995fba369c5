terraform {
  required_version = ">= 1.8"

  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}
