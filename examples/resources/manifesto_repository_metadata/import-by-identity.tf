import {
  to = manifesto_repository_metadata.approvals
  identity = {
    repository = "ghcr.io/example/app"
    type       = "approval"
  }
}
