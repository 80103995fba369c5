# Looks for attestations as Trivy does: by the type of the artifact.
terraform {
  required_providers {
    manifesto = {
      source = "imagemanifesto/manifesto"
    }
  }
}

variable "image" {
  type = string
}

data "manifesto_referrers" "attestations" {
  image           = var.image
  artifact_types  = ["application/vnd.in-toto+json"]
  include_content = true
}

output "attestations" {
  value = data.manifesto_referrers.attestations.referrers
}
