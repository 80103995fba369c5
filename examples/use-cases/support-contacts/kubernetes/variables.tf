variable "image" {
  description = "Image to run, by tag or digest."
  type        = string
}

variable "name" {
  description = "Name of the deployment."
  type        = string
}

variable "namespace" {
  description = "Namespace of the deployment."
  type        = string
  default     = "default"
}
