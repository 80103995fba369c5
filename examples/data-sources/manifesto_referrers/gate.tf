# The pipeline has attached a report with its own tools:
#
#   trivy image --format json --output report.json ghcr.io/example/app:1.2
#   oras attach --artifact-type application/vnd.example.trivy+json ghcr.io/example/app:1.2 report.json:application/json
data "manifesto_referrers" "scan" {
  image           = "ghcr.io/example/app:1.2"
  artifact_types  = ["application/vnd.example.trivy+json"]
  include_content = true
}

locals {
  # The newest report comes first.
  report = try(jsondecode(data.manifesto_referrers.scan.referrers[0].content), null)
  severities = local.report == null ? [] : flatten([
    for result in local.report.Results : [for v in try(result.Vulnerabilities, []) : v.Severity]
  ])
}

resource "terraform_data" "deployment" {
  # By digest: the tag may move between this look and the deployment.
  input = "${data.manifesto_referrers.scan.repository}@${data.manifesto_referrers.scan.image_digest}"

  lifecycle {
    precondition {
      condition     = local.report != null
      error_message = "No Trivy report is attached to this image."
    }
    precondition {
      condition     = !contains(local.severities, "CRITICAL")
      error_message = "The image has critical vulnerabilities."
    }
  }
}
