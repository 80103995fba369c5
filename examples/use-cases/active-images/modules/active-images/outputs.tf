output "active" {
  description = "Workloads of each active image by digest."
  value       = { for digest, workloads in local.active : digest => sort(workloads) }
}

output "prunable" {
  description = "Tags of each image that does not run and is not kept, by digest."
  value = {
    for digest, image in data.manifesto_repository.all.images : digest => image.tags
    if length(image.tags) > 0 && !contains(keys(local.active), digest)
    && length(setintersection(keys(image.metadata), var.keep_types)) == 0
  }
}
