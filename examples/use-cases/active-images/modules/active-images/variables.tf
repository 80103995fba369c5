variable "repository" {
  description = "Repository of the images, such as ghcr.io/example/app."
  type        = string
}

variable "workloads" {
  description = "Image of each workload that runs, by digest; images of other repositories are left out."
  type        = map(string)

  validation {
    condition     = length(var.workloads) > 0
    error_message = "No workload at all: a query that failed looks like that, and every image would seem unused."
  }

  validation {
    condition     = alltrue([for image in values(var.workloads) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "A workload's image has no digest. A tag may have moved since the workload has started."
  }
}

variable "type" {
  description = "Type of the metadata that marks an image as active."
  type        = string
  default     = "active"
}

variable "keep_types" {
  description = "Images with metadata of one of these types are not offered for pruning."
  type        = set(string)
  default     = []
}
