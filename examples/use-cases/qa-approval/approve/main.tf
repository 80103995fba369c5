# One approval for each build. A build is named by its digest, so that no approval passes to another build.
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
