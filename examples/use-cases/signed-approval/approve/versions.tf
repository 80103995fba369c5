terraform {
  required_version = ">= 1.11"

  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}
