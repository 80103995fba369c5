output "artifact_digest" {
  description = "Digest of the artifact that Trivy finds."
  value       = manifesto_metadata.vex.artifact_digest
}
