variable "image" {
  description = "Image to run, by tag or digest."
  type        = string
}

variable "name" {
  description = "Name of the container."
  type        = string
}
