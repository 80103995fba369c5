# tests/bundle, tests/unlisted and tests/damaged are layouts on disk with the image, which is at the target, too.
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

run "refuses_what_was_not_packed" {
  command = plan

  variables {
    required = ["approval"]
  }

  expect_failures = [manifesto_image_metadata.arrived]
}

run "arrives" {
  variables {
    required = ["contact"]
  }

  assert {
    condition = (
      output.image == "ghcr.io/example/production@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The image at the target is not the same build."
  }

  assert {
    condition     = manifesto_image_metadata.arrived.metadata["contact"].content == "platform-team@example.com"
    error_message = "The metadata is not that of the bundle."
  }

  assert {
    condition     = output.types == ["contact"]
    error_message = "What arrived is not what left."
  }
}

run "unlisted_contact" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "oci-layout:tests/unlisted:1.2"
    type    = "contact"
    content = "platform-team@example.com"
  }
}

run "refuses_a_bundle_without_a_packing_list" {
  command = plan

  variables {
    from = "oci-layout:tests/unlisted:1.2"
  }

  assert {
    condition     = jsonencode(local.problems) == jsonencode(["there is no packing list"])
    error_message = "The gate does not say what is wrong."
  }

  expect_failures = [manifesto_image_metadata.arrived]
}

run "damage" {
  module {
    source = "../../testing/image"
  }

  variables {
    image = "oci-layout:tests/damaged:1.2"
    contents = {
      packing-list = jsonencode({
        contact  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
        approval = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
      })
      contact = "somebody@example.com"
      extra   = "on the way"
    }
  }
}

run "refuses_what_was_lost_changed_or_added_on_the_way" {
  command = plan

  variables {
    from = "oci-layout:tests/damaged:1.2"
  }

  assert {
    condition = (
      jsonencode(local.problems) == jsonencode(["approval is missing", "contact was changed", "extra was added"])
    )
    error_message = "The gate does not say what is wrong."
  }

  expect_failures = [manifesto_image_metadata.arrived]
}

run "refuses_a_tag_at_the_target" {
  command = plan

  variables {
    to = "ghcr.io/example/production:1.2"
  }

  expect_failures = [var.to]
}
