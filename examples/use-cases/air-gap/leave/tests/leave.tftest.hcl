# tests/bundle is a layout on disk with the image.
variables {
  from = "ghcr.io/example/app:1.2"
  to   = "oci-layout:tests/bundle"
}

run "refuses_to_leave_without_what_is_required" {
  command = plan

  variables {
    required = ["contact"]
  }

  expect_failures = [manifesto_image_metadata.bundle]
}

run "contact" {
  module {
    source = "../../testing/image"
  }

  variables {
    image    = "ghcr.io/example/app:1.2"
    contents = { contact = "platform-team@example.com" }
  }
}

run "leaves_with_a_packing_list" {
  variables {
    required = ["contact"]
  }

  assert {
    condition = (
      output.image == "oci-layout:tests/bundle@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The image in the bundle is not the same build."
  }

  assert {
    condition     = output.packing_list == { contact = "sha256:${sha256("platform-team@example.com")}" }
    error_message = "The packing list is not what the image has."
  }

  assert {
    condition     = manifesto_image_metadata.bundle.metadata["contact"].content == "platform-team@example.com"
    error_message = "The metadata is not that of the source."
  }
}

run "approval" {
  module {
    source = "../../testing/image"
  }

  variables {
    image    = "ghcr.io/example/app:1.2"
    contents = { contact = "platform-team@example.com", approval = "{\"approved\":true}" }
  }
}

run "takes_along_what_was_added_since" {
  assert {
    condition     = jsonencode(keys(output.packing_list)) == jsonencode(["approval", "contact"])
    error_message = "The packing list lacks what the image has now."
  }
}

run "takes_chosen_types_only" {
  variables {
    types = ["approval"]
  }

  assert {
    condition     = jsonencode(keys(manifesto_image_metadata.bundle.metadata)) == jsonencode(["approval", "packing-list"])
    error_message = "The bundle has other types than the chosen one."
  }
}

run "refuses_a_registry_as_the_bundle" {
  command = plan

  variables {
    to = "ghcr.io/example/production"
  }

  expect_failures = [var.to]
}
