# Copies the confidential report about a build along with the build. Neither the plan nor the state has it.
ephemeral "manifesto_metadata" "tested" {
  image = "ghcr.io/example/app:1.2"
  type  = "scan-report"
}

resource "manifesto_metadata" "production" {
  image              = "ghcr.io/example/production:1.2"
  type               = "scan-report"
  content_wo         = ephemeral.manifesto_metadata.tested.content
  content_wo_version = 1 # Increase it to copy the report again.
}
