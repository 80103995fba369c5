variable "repository" {
  description = "Repository of the images, such as ghcr.io/example/app."
  type        = string
}

variable "environment" {
  description = "Where the workloads run. Each environment has a type of its own: active/ENVIRONMENT."
  type        = string
}

variable "workloads" {
  description = "Images of each workload that runs, by digest. Images of other repositories are left out."
  type        = map(set(string))

  validation {
    condition     = length(var.workloads) > 0
    error_message = "There is no workload: a query that failed looks like that, and no image would be active."
  }

  validation {
    condition     = alltrue([for image in flatten(values(var.workloads)) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image has no digest: its tag may have moved since the workload has started."
  }
}
