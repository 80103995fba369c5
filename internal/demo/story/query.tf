data "manifesto_repository" "app" {
  repository   = var.repository
  include_tags = true
}

output "active_without_approval" {
  value = flatten([
    for image in data.manifesto_repository.app.images : image.tags
    if contains(keys(image.metadata), "active") && !contains(keys(image.metadata), "approval")
  ])
}

output "may_be_pruned" {
  value = flatten([
    for image in data.manifesto_repository.app.images : image.tags if !contains(keys(image.metadata), "active")
  ])
}
