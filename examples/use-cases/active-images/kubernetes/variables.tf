variable "pods" {
  description = "Objects of kind Pod, such as data.kubernetes_resources.pods.objects."
  type        = any

  validation {
    condition     = alltrue([for pod in var.pods : try(coalesce(pod.kind), "Pod") == "Pod" && can(pod.metadata.name)])
    error_message = "There is an object that is no pod."
  }
}
