variables {
  from = "ghcr.io/example/app:1.2"
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

run "promotes_what_the_source_has" {
  assert {
    condition = (
      output.image == "ghcr.io/example/production@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The promoted image is not the same build."
  }

  assert {
    condition = (
      { for type, piece in manifesto_image_metadata.to.metadata : type => piece.content }
      == { contact = "platform-team@example.com" }
    )
    error_message = "The metadata is not that of the source."
  }
}

run "promotes_the_next_build" {
  variables {
    from = "ghcr.io/example/app:1.3"
  }

  assert {
    condition = (
      output.image == "ghcr.io/example/production@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    )
    error_message = "The promoted image is not the next build."
  }
}

# The plan of the other module fails if the image lacks the type.
run "leaves_the_previous_build_alone" {
  command = plan

  module {
    source = "../selected"
  }

  variables {
    from  = "ghcr.io/example/production:1.2"
    to    = "ghcr.io/example/app"
    types = ["contact"]
  }

  assert {
    condition = (
      output.image == "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    )
    error_message = "The previous build is another."
  }
}

# The image is in this directory already. The run has a state of its own, like the pipeline that makes a bundle.
run "promotes_into_a_bundle" {
  module {
    source = "../all"
  }

  variables {
    to = "oci-layout:tests/bundle"
  }

  assert {
    condition     = output.types == tolist(["contact"])
    error_message = "The bundle has other metadata than the source."
  }
}

run "promotes_out_of_a_bundle" {
  variables {
    from = "oci-layout:tests/bundle:1.2"
  }

  assert {
    condition     = manifesto_image_metadata.to.metadata["contact"].content == "platform-team@example.com"
    error_message = "The metadata is not that of the bundle."
  }
}

run "promotes_chosen_types" {
  variables {
    types = ["approval"]
  }

  assert {
    condition     = length(output.types) == 0
    error_message = "A type that was not chosen is promoted."
  }
}

run "refuses_a_tag_at_the_target" {
  command = plan

  variables {
    to = "ghcr.io/example/production:1.3"
  }

  expect_failures = [var.to]
}
