variable "from" {
  description = "Image in the bundle: oci-layout:DIRECTORY:TAG, or oci-layout:DIRECTORY@DIGEST."
  type        = string
}

variable "to" {
  description = "Repository that the image and its metadata were pushed to, such as registry.internal/app."
  type        = string

  validation {
    condition     = !can(regex("(:[^/]*|@.*)$", var.to))
    error_message = "Name a repository, without a tag or digest: the image is the one in the bundle."
  }
}

variable "required" {
  description = "Types without which the image is not accepted, whatever was packed."
  type        = set(string)
  default     = []
}
