locals {
  repository = provider::manifesto::parse_reference(var.repository).repository

  images = { for workload, image in var.workloads : workload => provider::manifesto::parse_reference(image) }

  # The workloads of each build of this repository.
  active = { for workload, image in local.images : image.digest => workload... if image.repository == local.repository }
}

# One resource for the whole repository: what no longer runs loses its mark with the same apply.
resource "manifesto_repository_metadata" "active" {
  repository = var.repository
  type       = "active/${var.environment}"
  images     = { for digest, workloads in local.active : digest => jsonencode({ workloads = sort(workloads) }) }
}
