variable "image" {
  description = "Image to run, by tag or digest."
  type        = string
}

variable "name" {
  description = "Name of the pod."
  type        = string
}

variable "namespace" {
  description = "Namespace of the pod."
  type        = string
  default     = "default"
}
