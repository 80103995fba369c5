data "manifesto_metadata" "contact" {
  image    = var.image
  type     = "contact"
  optional = true # A deployment does not wait for a contact: the check below reminds of it.
}

locals {
  image   = "${data.manifesto_metadata.contact.repository}@${data.manifesto_metadata.contact.image_digest}"
  contact = try(jsondecode(data.manifesto_metadata.contact.content), {})

  # The annotations by which people find who runs a workload: https://ambassadorlabs.github.io/k8s-for-humans/
  annotations = {
    for annotation, field in {
      "a8r.io/owner"   = "team"
      "a8r.io/support" = "email"
      "a8r.io/chat"    = "chat"
      "a8r.io/runbook" = "runbook"
    } : annotation => tostring(local.contact[field]) if try(tostring(local.contact[field]), null) != null
  }

  # NAMESPACE/NAME#KEY
  alert_secret = try(regex("^(?P<namespace>[^/]+)/(?P<name>[^#]+)#(?P<key>.+)$", local.contact.alert_secret), null)
}

check "contact" {
  assert {
    condition     = try(local.contact.team, "") != "" && try(local.contact.email, "") != ""
    error_message = "Nobody is known to support ${local.image}."
  }
}
