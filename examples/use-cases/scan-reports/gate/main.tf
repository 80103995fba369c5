# The summaries only: the reports would put megabytes into the state.
data "manifesto_image" "scans" {
  image           = var.image
  include_types   = [for scanner in var.scanners : "scan-summary/${scanner}"]
  include_content = true
}

locals {
  now = coalesce(var.now, plantimestamp())

  summaries = {
    for scanner in var.scanners :
    scanner => try(jsondecode(data.manifesto_image.scans.metadata["scan-summary/${scanner}"].content), null)
  }

  problems = flatten([
    for scanner, summary in local.summaries : !can(summary.findings) ? ["there is no report of ${scanner}"] : concat(
      # A report without a readable time is as good as an old one.
      try(timecmp(timeadd(summary.scanned, "${24 * var.max_age_days}h"), local.now) >= 0, false) ? [] : [
        "the report of ${scanner} is older than ${var.max_age_days} days"
      ],
      [
        for severity in var.blocking :
        "${scanner} found ${severity} with a fix: ${join(", ", summary.findings[severity].fixable)}"
        if length(try(summary.findings[severity].fixable, [])) > 0
      ],
    )
  ])
}

# Stands for the deployment, which is refused while there are problems.
resource "terraform_data" "deployment" {
  input = data.manifesto_image.scans.id

  lifecycle {
    precondition {
      condition     = length(local.problems) == 0
      error_message = "${data.manifesto_image.scans.id} is not deployed: ${join("; ", local.problems)}."
    }
  }
}
