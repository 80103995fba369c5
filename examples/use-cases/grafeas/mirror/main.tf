data "manifesto_metadata" "approval" {
  image           = var.image
  type            = "approval"
  optional        = true
  minimum_version = var.minimum_version # An older list has approvals that were revoked since: it fails the plan.

  verification = {
    trusted_certificates = var.trusted_certificates
    trusted_identities   = var.trusted_identities
    required             = false # An approval that cannot be trusted any more takes its attestation along.
  }
}

locals {
  approval   = data.manifesto_metadata.approval
  approved   = local.approval.verified && local.approval.exists && try(jsondecode(local.approval.content).approved == true, false)
  repository = split("@", var.image)[0]
  digest     = split("@", var.image)[1]

  # What Binary Authorization wants to be signed. attest.sh signs the same bytes.
  payload = jsonencode({
    critical = {
      identity = { docker-reference = local.repository }
      image    = { docker-manifest-digest = local.digest }
      type     = "Google cloud binauthz container signature"
    }
  })
}

resource "google_container_analysis_occurrence" "approval" {
  count = local.approved ? 1 : 0

  resource_uri = "https://${var.image}"
  note_name    = var.note

  attestation {
    serialized_payload = base64encode(local.payload)

    signatures {
      public_key_id = var.signature.public_key_id
      signature     = var.signature.value
    }
  }
}

# Warns at every plan.
check "approved" {
  assert {
    condition = local.approved
    error_message = join(" ", compact([
      "${var.image} has no approval to mirror.", local.approval.verification_error,
    ]))
  }
}
