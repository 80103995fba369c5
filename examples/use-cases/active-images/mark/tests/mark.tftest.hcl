variables {
  repository  = "ghcr.io/example/app"
  environment = "production"
  workloads = {
    "shop/web"    = ["ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"]
    "shop/worker" = ["ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"]
    "shop/db"     = ["docker.io/library/postgres@sha256:3333333333333333333333333333333333333333333333333333333333333333"]
  }
}

run "marks_what_runs" {
  assert {
    condition = manifesto_repository_metadata.active.images == tomap({
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = jsonencode({
        workloads = ["shop/web", "shop/worker"]
      })
    })
    error_message = "The marks are not those of the workloads of this repository."
  }
}

run "moves_the_mark_with_a_rollout" {
  variables {
    workloads = {
      "shop/web" = ["ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222"]
    }
  }

  assert {
    condition = output.active == {
      "sha256:2222222222222222222222222222222222222222222222222222222222222222" = tolist(["shop/web"])
    }
    error_message = "The mark is not at the new build alone."
  }
}

run "marks_both_builds_during_a_rollout" {
  command = plan

  variables {
    workloads = {
      "shop/web" = [
        "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        "ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222",
      ]
    }
  }

  assert {
    condition     = length(output.active) == 2
    error_message = "One of the builds is not marked."
  }
}

run "accepts_that_nothing_of_the_repository_runs" {
  variables {
    workloads = {
      "shop/db" = ["postgres@sha256:3333333333333333333333333333333333333333333333333333333333333333"]
    }
  }

  assert {
    condition     = length(output.active) == 0
    error_message = "There are marks."
  }
}

run "refuses_an_empty_answer" {
  command = plan

  variables {
    workloads = {}
  }

  expect_failures = [var.workloads]
}

run "refuses_a_tag" {
  command = plan

  variables {
    workloads = { "shop/web" = ["ghcr.io/example/app:1.2"] }
  }

  expect_failures = [var.workloads]
}
