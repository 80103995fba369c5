variables {
  image = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
}

run "summarizes_a_report_of_trivy" {
  variables {
    report = "tests/reports/trivy.json"
  }

  assert {
    condition = jsonencode(jsondecode(manifesto_metadata.summary.content)) == jsonencode({
      scanner = "trivy"
      scanned = "2026-03-01T06:00:00.123456789Z"
      report  = "sha256:${filesha256("tests/reports/trivy.json")}"
      findings = {
        HIGH = { fixable = ["CVE-2020-8165"], unfixed = [] }
        LOW  = { fixable = [], unfixed = ["CVE-2019-18276"] }
      }
    })
    error_message = "The summary is not that of the report."
  }

  assert {
    condition     = manifesto_metadata.report.digest == "sha256:${filesha256("tests/reports/trivy.json")}"
    error_message = "The report is not the file."
  }
}

run "replaces_it_by_a_newer_report" {
  variables {
    report = "tests/reports/trivy-newer.json"
  }

  assert {
    condition     = manifesto_metadata.report.digest == "sha256:${filesha256("tests/reports/trivy-newer.json")}"
    error_message = "The report is not the newer one."
  }

  assert {
    condition = (
      join(",", output.summary.findings.CRITICAL.fixable) == "CVE-2019-18224" &&
      join(",", output.summary.findings.HIGH.fixable) == "CVE-2020-8165"
    )
    error_message = "The summary lacks what the newer report found."
  }
}

run "refuses_to_go_back_to_an_older_report" {
  command = plan

  variables {
    report = "tests/reports/trivy.json"
  }

  expect_failures = [manifesto_metadata.report]
}

run "summarizes_a_report_without_findings" {
  variables {
    report = "tests/reports/trivy-clean.json"
  }

  assert {
    condition     = length(output.summary.findings) == 0 && output.summary.scanner == "trivy"
    error_message = "There are findings that the report does not have."
  }
}

run "summarizes_a_report_of_grype" {
  variables {
    report = "tests/reports/grype.json"
  }

  assert {
    condition = jsonencode(output.summary) == jsonencode({
      scanner = "grype"
      scanned = "2026-03-01T06:05:00.123456789Z"
      report  = "sha256:${filesha256("tests/reports/grype.json")}"
      findings = {
        MEDIUM = { fixable = ["GHSA-cfh5-3ghh-wfjx"], unfixed = ["CVE-2014-3577"] }
      }
    })
    error_message = "The summary is not that of the report."
  }
}

run "refuses_a_report_about_another_image" {
  command = plan

  variables {
    report = "tests/reports/trivy-of-another-image.json"
  }

  expect_failures = [manifesto_metadata.report]
}

run "refuses_what_is_no_report_of_a_known_scanner" {
  command = plan

  variables {
    report = "tests/reports/sarif.json"
  }

  expect_failures = [manifesto_metadata.report]
}

run "refuses_a_tag" {
  command = plan

  variables {
    image  = "ghcr.io/example/app:1.2"
    report = "tests/reports/trivy.json"
  }

  expect_failures = [var.image]
}
