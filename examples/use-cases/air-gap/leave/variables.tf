variable "from" {
  description = "Image whose metadata leaves, by tag or digest, such as registry.example.com/app:1.2."
  type        = string
}

variable "to" {
  description = "Layout on disk that has the same image: oci-layout:DIRECTORY."
  type        = string

  validation {
    condition     = can(regex("^oci-layout:[^:@]+$", var.to))
    error_message = "Name a directory, oci-layout:DIRECTORY, without a tag or digest: the image is the one at the source."
  }
}

variable "types" {
  description = "Types of metadata to take along; null for all that the image has."
  type        = set(string)
  default     = null
}

variable "required" {
  description = "Types without which the image does not leave."
  type        = set(string)
  default     = []
}
