variables {
  image                = "ghcr.io/example/app:1.2"
  trusted_certificates = file("../../keys/root.crt")
  trusted_identities   = ["x509.subject: C=DE, ST=Berlin, O=Example, CN=QA"]
}

run "refuses_what_nobody_approved" {
  command = plan

  expect_failures = [terraform_data.deployment, check.approved]
}

run "approve" {
  module {
    source = "../approve"
  }

  variables {
    repository        = "ghcr.io/example/app"
    private_key       = file("../../keys/signer.key")
    certificate_chain = file("../../keys/chain.pem")
    approvals = {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = {
        by = "Ada (QA)"
        at = "2026-03-02T09:30:00Z"
      }
    }
  }
}

run "deploys_what_qa_signed" {
  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The output is not the approved build, by digest."
  }

  assert {
    condition     = output.approval.signed_by == "CN=QA,O=Example,ST=Berlin,C=DE" && output.approval.content.by == "Ada (QA)"
    error_message = "The gate does not say who signed the approval."
  }

  assert {
    condition     = output.version >= 1
    error_message = "The gate does not say which version of the metadata it has read."
  }
}

run "refuses_another_build" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [terraform_data.deployment, check.approved]
}

run "warns_of_another_signer" {
  command = plan

  variables {
    trusted_identities = ["x509.subject: C=DE, ST=Berlin, O=Example, CN=build"]
    enforce            = false
  }

  expect_failures = [check.approved]
}

run "warns_of_another_root" {
  command = plan

  variables {
    trusted_certificates = file("../../keys/other/root.crt")
    enforce              = false
  }

  assert {
    condition     = output.version == null
    error_message = "A version counts that nobody trusted has signed."
  }

  expect_failures = [check.approved]
}

run "revoke" {
  module {
    source = "../approve"
  }

  variables {
    repository        = "ghcr.io/example/app"
    private_key       = file("../../keys/signer.key")
    certificate_chain = file("../../keys/chain.pem")
    approvals         = {}
  }
}

run "refuses_what_is_no_longer_approved" {
  command = plan

  expect_failures = [terraform_data.deployment, check.approved]
}

# The approval says the same, and nobody has signed it.
run "approve_without_a_key" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    type    = "approval"
    content = "{\"approved\":true,\"by\":\"Ada (QA)\"}"
  }
}

run "warns_of_an_approval_without_a_signature" {
  command = plan

  variables {
    enforce         = false
    minimum_version = 1
  }

  assert {
    condition     = output.version == 1
    error_message = "A version counts that nobody has signed."
  }

  expect_failures = [check.approved]
}

run "sign_again" {
  module {
    source = "../approve"
  }

  variables {
    repository        = "ghcr.io/example/app"
    private_key       = file("../../keys/signer.key")
    certificate_chain = file("../../keys/chain.pem")
    approvals = {
      "sha256:2222222222222222222222222222222222222222222222222222222222222222" = {
        by = "Grace (QA)"
        at = "2026-03-03T09:30:00Z"
      }
    }
  }
}

# The list is signed again, and the approval without a signature in it still does not count.
run "still_warns_of_an_approval_without_a_signature" {
  command = plan

  variables {
    enforce = false
  }

  expect_failures = [check.approved]
}

run "deploys_what_qa_signed_meanwhile" {
  variables {
    image = "ghcr.io/example/app:1.3"
  }

  assert {
    condition     = endswith(output.image, "@sha256:2222222222222222222222222222222222222222222222222222222222222222")
    error_message = "The output is not the approved build, by digest."
  }
}
