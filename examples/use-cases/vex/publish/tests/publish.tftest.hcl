variables {
  image = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
}

run "attaches_the_document" {
  variables {
    document = "tests/documents/app.openvex.json"
  }

  assert {
    condition     = output.artifact_digest != null
    error_message = "The document is not attached to the image."
  }
}

run "trivy_finds_one_attestation" {
  module {
    source = "./tests/attached"
  }

  assert {
    condition     = length(output.attestations) == 1
    error_message = "There is not one attestation."
  }

  assert {
    condition     = output.attestations[0].annotations["in-toto.io/predicate-type"] == "https://openvex.dev/ns/v0.2.0"
    error_message = "The attestation does not say that it is a VEX document."
  }

  assert {
    condition     = jsondecode(output.attestations[0].content).predicate == jsondecode(file("tests/documents/app.openvex.json"))
    error_message = "The attestation does not have the document."
  }
}

run "refuses_a_document_about_another_image" {
  command = plan

  variables {
    document = "tests/documents/of-another-image.openvex.json"
  }

  expect_failures = [manifesto_metadata.vex]
}

run "refuses_another_format" {
  command = plan

  variables {
    document = "tests/documents/cyclonedx.json"
  }

  expect_failures = [manifesto_metadata.vex]
}

run "refuses_a_tag" {
  command = plan

  variables {
    image    = "ghcr.io/example/app:1.2"
    document = "tests/documents/app.openvex.json"
  }

  expect_failures = [var.image]
}
