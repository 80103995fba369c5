ephemeral "manifesto_metadata" "report" {
  image = "ghcr.io/example/app:1.2"
  type  = "scan-report"
}
