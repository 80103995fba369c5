terraform {
  required_providers {
    manifesto = {
      source  = "imagemanifesto/manifesto"
      version = "~> 0.1"
    }
  }
}

# Without any settings the provider uses the credentials of `docker login`.
provider "manifesto" {
  registries = {
    "ghcr.io" = {
      username = "example"
      password = var.registry_password
    }
  }
}

variable "registry_password" {
  description = "Access token for the registry."
  type        = string
  sensitive   = true
}
