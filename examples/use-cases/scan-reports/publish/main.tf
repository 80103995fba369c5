locals {
  report = jsondecode(file(var.report))

  # Trivy's reports have a SchemaVersion, Grype's name their tool.
  scanner = can(local.report.SchemaVersion) ? "trivy" : try(local.report.descriptor.name, "unknown")
  scanned = try(local.report.CreatedAt, local.report.descriptor.timestamp, null)

  # The digests of the image that the report names. An image that was scanned before its push has none.
  digests = distinct(regexall("sha256:[0-9a-f]{64}", jsonencode([
    try(local.report.Metadata.RepoDigests, []),
    try(local.report.source.target.repoDigests, []),
    try(local.report.source.target.manifestDigest, ""),
  ])))

  # Not within try(): a finding that cannot be read must not go missing.
  findings = concat(
    flatten([
      for result in try(local.report.Results, []) : [
        for finding in result.Vulnerabilities : {
          id       = finding.VulnerabilityID
          severity = upper(finding.Severity)
          fixable  = try(finding.FixedVersion, "") != ""
        }
      ] if try(result.Vulnerabilities, null) != null
    ]),
    [
      for match in try(local.report.matches, []) : {
        id       = match.vulnerability.id
        severity = upper(match.vulnerability.severity)
        fixable  = match.vulnerability.fix.state == "fixed"
      }
    ],
  )

  # What gates need of a report of megabytes.
  summary = {
    scanner = local.scanner
    scanned = local.scanned
    report  = manifesto_metadata.report.digest
    findings = {
      # Sets, because distinct() takes minutes for thousands of findings.
      for severity, findings in { for f in local.findings : f.severity => f... } : severity => {
        fixable = sort(toset([for f in findings : f.id if f.fixable]))
        unfixed = sort(toset([for f in findings : f.id if !f.fixable]))
      }
    }
  }
}

# What is stored now, perhaps by another pipeline.
data "manifesto_metadata" "latest" {
  image    = var.image
  type     = "scan-summary/${local.scanner}"
  optional = true
}

# The whole report, for people. Its content stays out of the state.
resource "manifesto_metadata" "report" {
  image     = var.image
  type      = "scan-report/${local.scanner}"
  source    = var.report
  overwrite = true # A newer report replaces an older one, whoever stored it.

  lifecycle {
    precondition {
      condition     = contains(["trivy", "grype"], local.scanner) && can(timeadd(local.scanned, "0s"))
      error_message = "${var.report} is no JSON report of Trivy or Grype that says when it was made."
    }
    precondition {
      condition     = length(local.digests) == 0 || contains(local.digests, regex("sha256:[0-9a-f]{64}$", var.image))
      error_message = "${var.report} is about another image: ${join(", ", local.digests)}."
    }
    precondition {
      condition     = try(timecmp(local.scanned, jsondecode(data.manifesto_metadata.latest.content).scanned) >= 0, true)
      error_message = "A report that is newer than ${var.report} is already stored."
    }
  }
}

resource "manifesto_metadata" "summary" {
  image     = var.image
  type      = "scan-summary/${local.scanner}"
  content   = jsonencode(local.summary)
  overwrite = true
}
