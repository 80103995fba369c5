repository = "ghcr.io/example/app"

approvals = {
  "sha256:…" = { by = "Ada (QA)", at = "2026-03-02T09:30:00Z" }
}
