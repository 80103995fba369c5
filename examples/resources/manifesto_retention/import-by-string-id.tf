import {
  to = manifesto_retention.app
  id = "ghcr.io/example/app"
}
