# tests/bundle is a layout on disk with the image, which is at the target, too.
variables {
  from = "oci-layout:tests/bundle:1.2"
  to   = "ghcr.io/example/production"
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

run "leave" {
  module {
    source = "../leave"
  }

  variables {
    from = "ghcr.io/example/app:1.2"
    to   = "oci-layout:tests/bundle"
  }
}

# Stands for the push of the tags _manifesto and _manifesto.pins…: the next run has a state without it.
run "push" {
  module {
    source = "../arrive"
  }
}

run "adopts_what_was_pushed" {
  assert {
    condition = (
      output.image == "ghcr.io/example/production@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The image at the target is not the same build."
  }
}

run "refuses_a_tag_at_the_target" {
  command = plan

  variables {
    to = "ghcr.io/example/production:1.2"
  }

  expect_failures = [var.to]
}
