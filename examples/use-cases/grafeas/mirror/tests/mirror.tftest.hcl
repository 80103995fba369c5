# The approval and its signature are real. The attestation is not stored: the mock checks the arguments against the
# provider's schema.
mock_provider "google" {}

provider "manifesto" {}

provider "manifesto" {
  alias = "qa"

  signing = {
    private_key       = file("../../keys/signer.key")
    certificate_chain = file("../../keys/chain.pem")
  }
}

variables {
  image                = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  trusted_certificates = file("../../keys/root.crt")
  note                 = "projects/example/notes/qa-approval"
  signature = {
    value         = file("../../keys/attestation")
    public_key_id = "ni:///sha-256;example"
  }
}

run "has_nothing_to_mirror" {
  command = plan

  assert {
    condition     = !output.mirrored && length(google_container_analysis_occurrence.approval) == 0
    error_message = "An image that nobody has approved gets an attestation."
  }

  expect_failures = [check.approved]
}

run "approve" {
  module {
    source = "../../signed-approval/approve"
  }

  providers = {
    manifesto = manifesto.qa
  }

  variables {
    repository           = "ghcr.io/example/app"
    private_key          = file("../../keys/signer.key")
    certificate_chain    = file("../../keys/chain.pem")
    trusted_certificates = file("../../keys/root.crt")
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by = "Ada (QA)"
        at = "2026-03-02T09:30:00Z"
      }
    }
  }
}

run "mirrors_the_approval" {
  assert {
    condition     = output.mirrored && length(google_container_analysis_occurrence.approval) == 1
    error_message = "The approved image gets no attestation."
  }

  assert {
    condition     = google_container_analysis_occurrence.approval[0].resource_uri == "https://${var.image}"
    error_message = "The attestation is about another image."
  }

  assert {
    condition     = google_container_analysis_occurrence.approval[0].attestation[0].serialized_payload == base64encode(file("../../keys/payload.json"))
    error_message = "The attestation has another payload than attest.sh has signed."
  }

  assert {
    condition     = output.version == 1
    error_message = "The mirror does not say which version of the metadata it has verified."
  }
}

run "drops_an_approval_by_others" {
  variables {
    trusted_certificates = file("../../keys/other/root.crt")
  }

  assert {
    condition     = !output.mirrored && length(google_container_analysis_occurrence.approval) == 0
    error_message = "An approval that is not to be trusted keeps its attestation."
  }

  assert {
    condition     = output.version == null
    error_message = "A version counts that nobody trusted has signed."
  }

  expect_failures = [check.approved]
}

run "mirrors_the_approval_again" {
  variables {
    minimum_version = 1
  }

  assert {
    condition     = data.manifesto_metadata.approval.minimum_version == 1
    error_message = "The mirror takes any version of the metadata."
  }

  assert {
    condition     = length(google_container_analysis_occurrence.approval) == 1
    error_message = "The approved image gets no attestation."
  }
}

run "revoke" {
  module {
    source = "../../signed-approval/approve"
  }

  providers = {
    manifesto = manifesto.qa
  }

  variables {
    repository           = "ghcr.io/example/app"
    private_key          = file("../../keys/signer.key")
    certificate_chain    = file("../../keys/chain.pem")
    trusted_certificates = file("../../keys/root.crt")
    approvals            = {}
  }
}

run "drops_a_revoked_approval" {
  assert {
    condition     = !output.mirrored && length(google_container_analysis_occurrence.approval) == 0
    error_message = "A revoked approval keeps its attestation."
  }

  assert {
    condition     = output.version == 2
    error_message = "The mirror does not say which version of the metadata it has verified."
  }

  expect_failures = [check.approved]
}
