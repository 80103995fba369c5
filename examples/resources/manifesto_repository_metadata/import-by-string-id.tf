import {
  to = manifesto_repository_metadata.approvals
  id = "ghcr.io/example/app#approval"
}
