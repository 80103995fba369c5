output "approved" {
  description = "Approved builds, and the file that approves each."
  value       = { for name, approval in manifesto_metadata.approval : approval.image => name }
}
