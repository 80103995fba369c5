variable "directory" {
  description = "Directory with the approvals, one YAML file each."
  type        = string
  default     = "approvals"

  validation {
    condition     = length(fileset(path.root, "${var.directory}/**/*.yaml")) > 0
    error_message = "There is no approval: to apply that would revoke all. If you want that, run terraform destroy."
  }
}

variable "registry" {
  description = "Registry that gets REGISTRY_USERNAME and REGISTRY_PASSWORD of the environment; null for Docker Hub."
  type        = string
  default     = null
}
