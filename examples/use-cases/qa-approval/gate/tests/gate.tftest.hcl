variables {
  approvers = ["Ada (QA)", "Grace (QA)"]
}

run "refuses_what_nobody_approved" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.2"
  }

  expect_failures = [terraform_data.deployment, check.approved]
}

run "only_warns_without_enforcement" {
  command = plan

  variables {
    image   = "ghcr.io/example/app:1.2"
    enforce = false
  }

  expect_failures = [check.approved]
}

run "approve" {
  module {
    source = "../approve"
  }

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
}

run "deploys_the_approved_build" {
  variables {
    image = "ghcr.io/example/app:1.2"
  }

  assert {
    condition     = endswith(terraform_data.deployment.output, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The deployment is not the approved build, by digest."
  }

  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The output is not the approved build, by digest."
  }

  assert {
    condition     = output.approval.by == "Ada (QA)" && output.approval.at == "2026-03-02T09:30:00Z"
    error_message = "The gate does not say who approved the build, and when."
  }
}

run "refuses_another_build" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [terraform_data.deployment, check.approved]
}

run "refuses_an_approval_by_someone_else" {
  command = plan

  variables {
    image     = "ghcr.io/example/app:1.2"
    approvers = ["Grace (QA)"]
  }

  expect_failures = [terraform_data.deployment, check.approved]
}

run "revoke" {
  module {
    source = "../approve"
  }

  variables {
    repository = "ghcr.io/example/app"
    approvals  = {}
  }
}

run "refuses_what_is_no_longer_approved" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.2"
  }

  expect_failures = [terraform_data.deployment, check.approved]
}

run "say_no" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    type    = "approval"
    content = "{\"approved\":\"no\",\"by\":\"Ada (QA)\"}"
  }
}

run "refuses_an_approval_that_says_no" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [terraform_data.deployment, check.approved]
}
