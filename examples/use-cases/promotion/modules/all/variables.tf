variable "from" {
  description = "Image whose metadata is promoted, by tag or digest, such as staging.example.com/app:1.2."
  type        = string
}

variable "to" {
  description = "Repository that holds the same image, such as registry.example.com/app, or oci-layout:DIRECTORY."
  type        = string
}

variable "types" {
  description = "Types of metadata to promote; null for all that the image has."
  type        = set(string)
  default     = null
}
