variables {
  repository = "ghcr.io/example/app"
}

run "refuses_if_nothing_is_marked" {
  command = plan

  expect_failures = [output.prunable]
}

run "mark" {
  module {
    source = "../mark"
  }

  variables {
    environment = "production"
    workloads = {
      "shop/web" = ["ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"]
    }
  }
}

run "lists_what_does_not_run" {
  assert {
    condition = output.prunable == {
      "sha256:2222222222222222222222222222222222222222222222222222222222222222" = tolist(["1.3"])
    }
    error_message = "The list is not the other build."
  }

  assert {
    condition     = length(manifesto_retention.gone.stale) == 0
    error_message = "Metadata goes although its image is there."
  }
}

run "keeps_tags" {
  command = plan

  variables {
    keep_tags = "^1\\.3$"
  }

  assert {
    condition     = length(output.prunable) == 0
    error_message = "An image with a kept tag is in the list."
  }
}

run "hold" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "hold"
    content = "Audit until June"
  }
}

run "keeps_what_is_held" {
  command = plan

  assert {
    condition     = length(output.prunable) == 0
    error_message = "A held image is in the list."
  }
}
