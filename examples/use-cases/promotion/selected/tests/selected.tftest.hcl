variables {
  from  = "ghcr.io/example/app:1.2"
  to    = "ghcr.io/example/production"
  types = ["contact"]
}

run "refuses_what_the_source_lacks" {
  command = plan

  expect_failures = [manifesto_metadata.to["contact"]]
}

run "contact" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.2"
    type    = "contact"
    content = "platform-team@example.com"
  }
}

run "promotes_the_chosen_type" {
  assert {
    condition = (
      output.image == "ghcr.io/example/production@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The promoted image is not the same build."
  }

  assert {
    condition     = manifesto_metadata.to["contact"].content == "platform-team@example.com"
    error_message = "The metadata is not that of the source."
  }
}

run "refuses_a_tag_at_the_target" {
  command = plan

  variables {
    to = "ghcr.io/example/production:1.3"
  }

  expect_failures = [var.to]
}
