output "workloads" {
  description = "Images of each workload by digest, for the input of mark."
  value = {
    for workload, images in {
      for container in local.containers : container.workload => container.image...
      if can(regex("@sha256:", container.image))
    } : workload => toset(images)
  }
}
