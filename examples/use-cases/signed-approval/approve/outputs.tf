output "approved" {
  description = "Who signed which approval, and until when the signature is good, by the digest of the build."
  value = {
    for digest, approval in manifesto_metadata.approval : digest => {
      signed_by  = approval.signed_by
      expires_at = approval.expires_at
    }
  }
}
