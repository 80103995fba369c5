variables {
  repository           = "ghcr.io/example/app"
  private_key          = file("../../keys/signer.key")
  certificate_chain    = file("../../keys/chain.pem")
  trusted_certificates = file("../../keys/root.crt")
}

run "signs_the_approval" {
  variables {
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by     = "Ada (QA)"
        at     = "2026-03-02T09:30:00Z"
        ticket = "QA-17"
      }
    }
  }

  assert {
    condition     = [for approval in values(output.approved) : approval.signed_by] == ["CN=QA,O=Example,ST=Berlin,C=DE"]
    error_message = "The approval is not signed by QA."
  }

  assert {
    condition     = alltrue([for approval in values(output.approved) : timecmp(approval.expires_at, plantimestamp()) > 0])
    error_message = "The signature has expired."
  }
}

run "signs_with_a_new_key_while_the_old_is_trusted" {
  variables {
    private_key          = file("../../keys/other/signer.key")
    certificate_chain    = file("../../keys/other/chain.pem")
    trusted_certificates = join("", [file("../../keys/root.crt"), file("../../keys/other/root.crt")])
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by     = "Ada (QA)"
        at     = "2026-03-02T09:30:00Z"
        ticket = "QA-17"
      }
      "sha256:2222222222222222222222222222222222222222222222222222222222222222" = {
        by     = "Grace (QA)"
        at     = "2026-03-03T09:30:00Z"
        ticket = "QA-18"
      }
    }
  }

  assert {
    condition     = length(output.approved) == 2
    error_message = "There are not two approvals."
  }
}

run "refuses_a_tag" {
  command = plan

  variables {
    approvals = { "1.2" = { by = "Ada (QA)", at = "2026-03-02T09:30:00Z" } }
  }

  expect_failures = [var.approvals]
}
