locals {
  repository = provider::manifesto::parse_reference(var.repository).repository

  running = flatten([
    for workload, images in var.workloads : [
      for image in images : { workload = workload, image = provider::manifesto::parse_reference(image) }
    ]
  ])

  # The workloads of each build of this repository.
  active = {
    for one in local.running : one.image.digest => one.workload... if one.image.repository == local.repository
  }
}

# One resource for the whole repository: what no longer runs loses its mark with the same apply.
resource "manifesto_repository_metadata" "active" {
  repository = var.repository
  type       = "active/${var.environment}"
  images = {
    for digest, workloads in local.active : digest => jsonencode({ workloads = sort(distinct(workloads)) })
  }
}
