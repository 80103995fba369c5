variable "image" {
  description = "Image that the contact is responsible for, by tag."
  type        = string
}

variable "contact" {
  description = <<-EOT
    Who supports the image. Everyone who can pull the image can read this.
    `chat` is the name of a channel, and `alert_secret` says where the webhook for alerts is kept: the Kubernetes secret
    and its key, as NAMESPACE/NAME#KEY. Neither is a URL that lets its reader post.
  EOT
  type = object({
    team         = string
    email        = string
    chat         = optional(string)
    runbook      = optional(string)
    alert_secret = optional(string)
  })
}
