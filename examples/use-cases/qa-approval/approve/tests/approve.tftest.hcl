run "stores_who_and_when" {
  variables {
    repository = "ghcr.io/example/app"
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by     = "Ada (QA)"
        at     = "2026-03-02T09:30:00Z"
        ticket = "QA-17"
      }
    }
  }

  assert {
    condition = output.approved == [
      "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111",
    ]
    error_message = "The approval is not about the build of 1.2."
  }

  assert {
    condition = jsondecode(one(values(manifesto_metadata.approval)).content) == {
      approved = true, by = "Ada (QA)", at = "2026-03-02T09:30:00Z", ticket = "QA-17"
    }
    error_message = "The approval does not say who approved it, when and why."
  }
}

run "refuses_a_tag" {
  command = plan

  variables {
    repository = "ghcr.io/example/app"
    approvals  = { "1.2" = { by = "Ada (QA)", at = "2026-03-02T09:30:00Z" } }
  }

  expect_failures = [var.approvals]
}

run "refuses_nobody" {
  command = plan

  variables {
    repository = "ghcr.io/example/app"
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by = " "
        at = "2026-03-02T09:30:00Z"
      }
    }
  }

  expect_failures = [var.approvals]
}

run "refuses_a_vague_time" {
  command = plan

  variables {
    repository = "ghcr.io/example/app"
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by = "Ada (QA)"
        at = "yesterday"
      }
    }
  }

  expect_failures = [var.approvals]
}
