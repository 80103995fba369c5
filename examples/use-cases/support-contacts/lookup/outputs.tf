output "image" {
  description = "The build that was looked up, by digest."
  value       = local.image
}

output "annotations" {
  description = "The contact as annotations of a Kubernetes object. Empty if there is none."
  value       = local.annotations
}

output "alert_secret" {
  description = "Namespace, name and key of the secret with the webhook for alerts. Null if there is none."
  value       = local.alert_secret
}
