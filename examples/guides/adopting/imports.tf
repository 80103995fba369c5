data "manifesto_repository" "app" {
  repository = "ghcr.io/example/app"
}

locals {
  found = flatten([
    for digest, image in data.manifesto_repository.app.images : [
      for type in keys(image.metadata) : "${data.manifesto_repository.app.id}@${digest}#${type}"
    ]
  ])
}

# An import block for each piece of metadata.
output "imports" {
  value = join("\n", [
    for number, id in local.found : <<-EOT
      import {
        to = manifesto_metadata.adopted_${number}
        id = ${jsonencode(id)}
      }
    EOT
  ])
}
