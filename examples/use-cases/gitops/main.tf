terraform {
  required_version = ">= 1.8"

  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}

provider "manifesto" {
  default_registry = var.registry
}

variable "registry" {
  description = "Registry of images without a host. It gets REGISTRY_USERNAME and REGISTRY_PASSWORD of the environment."
  type        = string
  default     = "ghcr.io"
}

module "approvals" {
  source = "./modules/approvals"

  files = { for name in fileset(path.root, "approvals/**/*.yaml") : name => file("${path.root}/${name}") }
}

output "approved" {
  description = "Approved builds, and the file that approves each."
  value       = module.approvals.approved
}
