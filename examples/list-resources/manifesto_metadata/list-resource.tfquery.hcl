# All metadata in a repository. Terraform lists 100 results unless limit says more.
list "manifesto_metadata" "all" {
  provider = manifesto
  limit    = 10000

  config {
    repository = "ghcr.io/example/app"
  }
}

# The scan reports of one image, with their contents.
list "manifesto_metadata" "scans" {
  provider         = manifesto
  limit            = 1000
  include_resource = true

  config {
    repository = "ghcr.io/example/app"
    image      = "1.2"
    types      = ["scan/*"]
  }
}
