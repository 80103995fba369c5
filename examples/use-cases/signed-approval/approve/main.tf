provider "manifesto" {
  signing = {
    private_key       = var.private_key
    certificate_chain = var.certificate_chain
    expiry            = "2160h" # 90 days. A run in the last 30 of them signs again.
  }
  verification = {
    trusted_certificates = var.trusted_certificates
    trusted_identities   = var.trusted_identities
  }
}

# One approval for each build, signed because the provider has a key.
resource "manifesto_metadata" "approval" {
  for_each = var.approvals

  image = "${var.repository}@${each.key}"
  type  = "approval"
  content = jsonencode({
    approved = true
    by       = each.value.by
    at       = each.value.at
    ticket   = each.value.ticket
  })
}
