variables {
  image = "ghcr.io/example/app:1.2"
  now   = "2026-03-03T12:00:00Z"
}

run "refuses_what_was_not_scanned" {
  command = plan

  expect_failures = [terraform_data.deployment]
}

run "scan" {
  module {
    source = "../publish"
  }

  variables {
    image  = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    report = "../publish/tests/reports/trivy.json"
  }
}

run "deploys_what_has_nothing_critical_with_a_fix" {
  assert {
    condition     = endswith(terraform_data.deployment.output, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The deployment is not the scanned build, by digest."
  }

  assert {
    condition     = output.summaries["trivy"].findings.LOW.unfixed == ["CVE-2019-18276"]
    error_message = "The gate does not say what the scanner found."
  }
}

run "refuses_a_severity_that_may_block_too" {
  command = plan

  variables {
    blocking = ["CRITICAL", "HIGH"]
  }

  expect_failures = [terraform_data.deployment]
}

run "takes_what_has_no_fix" {
  command = plan

  variables {
    blocking = ["LOW"]
  }

  assert {
    condition     = length(local.problems) == 0
    error_message = "A vulnerability without a fix blocks."
  }
}

run "refuses_without_the_other_scanner" {
  command = plan

  variables {
    scanners = ["trivy", "grype"]
  }

  expect_failures = [terraform_data.deployment]
}

run "takes_a_report_of_almost_seven_days" {
  command = plan

  variables {
    now = "2026-03-08T06:00:00Z"
  }

  assert {
    condition     = length(local.problems) == 0
    error_message = "A report that is not yet seven days old is refused."
  }
}

run "refuses_a_report_of_more_than_seven_days" {
  command = plan

  variables {
    now = "2026-03-08T06:00:01Z"
  }

  expect_failures = [terraform_data.deployment]
}

run "refuses_another_build" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [terraform_data.deployment]
}

run "scan_with_newer_data" {
  module {
    source = "../publish"
  }

  variables {
    image  = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    report = "../publish/tests/reports/trivy-newer.json"
  }
}

run "refuses_what_the_newer_report_found" {
  command = plan

  variables {
    now = "2026-03-08T12:00:00Z"
  }

  expect_failures = [terraform_data.deployment]
}

run "store_a_summary_without_a_time" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "scan-summary/trivy"
    content = "{\"findings\":{}}"
  }
}

run "refuses_a_summary_without_a_time" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [terraform_data.deployment]
}
