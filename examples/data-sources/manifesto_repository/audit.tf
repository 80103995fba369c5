# Images in use that nobody has approved, with their contacts.
data "manifesto_repository" "unapproved" {
  repository      = "ghcr.io/example/app"
  lacks_type      = "approval"
  type            = "contact"
  include_content = true
  include_tags    = true
}

output "unapproved" {
  value = {
    for digest, image in data.manifesto_repository.unapproved.images :
    digest => {
      tags    = image.tags
      contact = try(image.metadata["contact"].content, "nobody")
    } if length(image.tags) > 0
  }
}

# Images that the registry no longer has, and whose metadata may be pruned.
data "manifesto_repository" "gone" {
  repository   = "ghcr.io/example/app"
  check_images = true
}

output "prune" {
  value = [for digest, image in data.manifesto_repository.gone.images : digest if image.gone]
}
