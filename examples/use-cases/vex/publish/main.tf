locals {
  document   = jsondecode(file(var.document))
  context    = try(local.document["@context"], "")
  repository = split("@", var.image)[0]
  digest     = split("@sha256:", var.image)[1]

  # The repositories of the images among the products, from package URLs such as pkg:oci/app?repository_url=ghcr.io/….
  repositories = distinct(flatten([
    for product in flatten([for statement in try(local.document.statements, []) : try(statement.products, [])]) : [
      for url in regexall("^pkg:oci/.*[?&]repository_url=([^&#]*)", product["@id"]) :
      replace(replace(url[0], "/%2[Ff]/", "/"), "/%3[Aa]/", ":")
    ]
  ]))
}

# Trivy looks for an attestation: an in-toto statement about the image, whose predicate is the VEX document.
resource "manifesto_metadata" "vex" {
  image = var.image
  type  = "vex"
  content = jsonencode({
    _type         = "https://in-toto.io/Statement/v1"
    subject       = [{ name = local.repository, digest = { sha256 = local.digest } }]
    predicateType = local.context
    predicate     = local.document
  })
  media_type    = "application/vnd.in-toto+json"
  artifact_type = "application/vnd.in-toto+json"
  annotations   = { "in-toto.io/predicate-type" = local.context }

  lifecycle {
    precondition {
      condition     = can(regex("^https://openvex\\.dev/ns(/|$)", local.context))
      error_message = "${var.document} is no OpenVEX document: its @context is not https://openvex.dev/ns."
    }
    precondition {
      condition     = local.repositories == tolist([local.repository])
      error_message = "${var.document} is about ${jsonencode(local.repositories)}, not ${local.repository}."
    }
  }
}
