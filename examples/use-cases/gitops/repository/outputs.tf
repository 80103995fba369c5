output "approved" {
  description = "File that approves each build."
  value       = module.approvals.approved
}
