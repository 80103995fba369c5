output "annotations" {
  description = "The contact, as the deployment has it."
  value       = kubernetes_deployment_v1.app.metadata[0].annotations
}
