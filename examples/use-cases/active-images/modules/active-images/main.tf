locals {
  repository = provider::manifesto::parse_reference(var.repository).repository

  images = {
    for workload, image in var.workloads : workload => provider::manifesto::parse_reference(image)
  }

  # The workloads of each build of this repository.
  active = {
    for workload, image in local.images : image.digest => workload... if image.repository == local.repository
  }
}

resource "manifesto_repository_metadata" "active" {
  repository = var.repository
  type       = var.type
  images     = { for digest, workloads in local.active : digest => jsonencode({ workloads = sort(workloads) }) }
}

data "manifesto_repository" "all" {
  repository   = var.repository
  include_tags = true
}

# Entries of images that were pruned since.
resource "manifesto_retention" "gone" {
  repository = var.repository
}
