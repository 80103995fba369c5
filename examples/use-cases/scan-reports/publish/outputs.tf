output "summary" {
  description = "What the gate sees of the report."
  value       = local.summary
}
