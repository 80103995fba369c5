# Was: manifesto_metadata.contact and manifesto_metadata.approval, of the same image.
resource "manifesto_image_metadata" "app" {
  image = "ghcr.io/example/app:1.2"
  metadata = {
    contact  = { content = "platform-team@example.com" }
    approval = { content = jsonencode({ approved = true }) }
  }
}

moved {
  from = manifesto_metadata.contact
  to   = manifesto_image_metadata.app
}

removed {
  from = manifesto_metadata.approval
  lifecycle {
    destroy = false
  }
}
