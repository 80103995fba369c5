# What the files of the pipelines say.
output "github" {
  value = yamldecode(file("${path.module}/../../.github/workflows/approvals.yml"))
}

output "gitlab" {
  value = yamldecode(file("${path.module}/../../.gitlab-ci.yml"))
}

output "atlantis" {
  value = yamldecode(file("${path.module}/../../atlantis.yaml"))
}

output "flux" {
  value = {
    source    = yamldecode(file("${path.module}/../../flux/source.yaml"))
    terraform = yamldecode(file("${path.module}/../../flux/terraform.yaml"))
  }
}
