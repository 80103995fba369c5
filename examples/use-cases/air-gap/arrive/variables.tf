variable "from" {
  description = "Image in the bundle: oci-layout:DIRECTORY:TAG, or oci-layout:DIRECTORY@DIGEST."
  type        = string

  validation {
    condition     = startswith(var.from, "oci-layout:")
    error_message = "Name an image on disk: oci-layout:DIRECTORY:TAG."
  }
}

variable "to" {
  description = "Repository that the same image was pushed to, such as registry.internal/app."
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

variable "overwrite" {
  description = "Whether the first apply may replace and remove metadata that the image has at the target already."
  type        = bool
  default     = false
}

variable "keep_previous" {
  description = "Whether builds that arrived before keep their metadata at the target."
  type        = bool
  default     = true
}
