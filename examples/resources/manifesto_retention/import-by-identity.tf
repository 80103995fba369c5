import {
  to = manifesto_retention.app
  identity = {
    repository = "ghcr.io/example/app"
  }
}
