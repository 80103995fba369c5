variable "active" {
  description = "What runs in production: the cluster by tag."
  type        = map(string)
}

resource "manifesto_repository_metadata" "active" {
  repository = var.repository
  type       = "active"
  images     = var.active
}
