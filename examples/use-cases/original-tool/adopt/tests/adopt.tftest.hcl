variables {
  repository = "ghcr.io/example/app"
  type       = "contact"
  contents = {
    "sha256:1111111111111111111111111111111111111111111111111111111111111111" = "platform-team@example.com"
  }
}

run "refuses_tags" {
  command = plan

  variables {
    contents = { "1.2" = "platform-team@example.com" }
  }

  expect_failures = [var.contents]
}

run "refuses_to_remove_everything" {
  command = plan

  variables {
    contents = {}
  }

  expect_failures = [var.contents]
}

# The registry has what the original tool has stored.
run "adopts" {
  assert {
    condition = jsonencode(output.digests) == jsonencode({
      for image, content in var.contents : image => "sha256:${sha256(content)}"
    })
    error_message = "The metadata is not what there was."
  }
}
