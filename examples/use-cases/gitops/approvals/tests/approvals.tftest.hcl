run "stores_each_file" {
  variables {
    files = {
      "app.yaml"  = <<-EOT
        image: ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111
        by: security
        ticket: SEC-1234
      EOT
      "next.yaml" = <<-EOT
        image: ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222
        by: security
        ticket: SEC-1235
        note: For now.
      EOT
    }
  }

  assert {
    condition = output.approved == {
      "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111" = "app.yaml"
      "ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222" = "next.yaml"
    }
    error_message = "The output is not the files of the builds."
  }

  assert {
    condition = jsondecode(manifesto_metadata.approval["next.yaml"].content) == {
      approved = true, by = "security", ticket = "SEC-1235", note = "For now."
    }
    error_message = "The approval is not what the file says."
  }
}

run "revokes_what_has_no_file_any_more" {
  variables {
    files = {
      "next.yaml" = <<-EOT
        image: ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222
        by: security
        ticket: SEC-1235
      EOT
    }
  }

  assert {
    condition = output.approved == {
      "ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222" = "next.yaml"
    }
    error_message = "The approval without a file is still there."
  }
}

run "refuses_what_is_not_yaml" {
  command = plan

  variables {
    files = { "app.yaml" = "image: [" }
  }

  expect_failures = [manifesto_metadata.approval["app.yaml"]]
}

run "refuses_an_empty_file" {
  command = plan

  variables {
    files = { "app.yaml" = "" }
  }

  expect_failures = [manifesto_metadata.approval["app.yaml"]]
}

run "refuses_a_tag" {
  command = plan

  variables {
    files = {
      "app.yaml" = <<-EOT
        image: ghcr.io/example/app:1.2
        by: security
        ticket: SEC-1234
      EOT
    }
  }

  expect_failures = [manifesto_metadata.approval["app.yaml"]]
}

run "refuses_a_misspelled_field" {
  command = plan

  variables {
    files = {
      "app.yaml" = <<-EOT
        image: ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111
        by: security
        tickets: SEC-1234
      EOT
    }
  }

  expect_failures = [manifesto_metadata.approval["app.yaml"]]
}

run "refuses_two_files_for_one_build" {
  command = plan

  variables {
    files = {
      "app.yaml"   = <<-EOT
        image: ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111
        by: security
        ticket: SEC-1234
      EOT
      "again.yaml" = <<-EOT
        image: ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111
        by: security
        ticket: SEC-1236
      EOT
    }
  }

  expect_failures = [manifesto_metadata.approval["app.yaml"], manifesto_metadata.approval["again.yaml"]]
}
