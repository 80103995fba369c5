variable "from" {
  description = "Image whose metadata is promoted, by tag or digest, such as staging.example.com/app:1.2."
  type        = string
}

variable "to" {
  description = "Repository that has the same image, such as registry.example.com/app, or oci-layout:DIRECTORY."
  type        = string

  validation {
    condition     = !can(regex("(:[^/]*|@.*)$", trimprefix(var.to, "oci-layout:")))
    error_message = "Name a repository, without a tag or digest: the image is the one at the source."
  }
}

variable "types" {
  description = "Types of metadata that the image must have, and that are promoted."
  type        = set(string)
}

variable "keep_previous" {
  description = "Whether builds that were promoted before keep their metadata at the target."
  type        = bool
  default     = true
}
