list "manifesto_metadata" "app" {
  provider = manifesto
  limit    = 10000

  config {
    repository = "ghcr.io/example/app"
  }
}
