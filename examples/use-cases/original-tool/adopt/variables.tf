variable "repository" {
  description = "Repository of the images, such as registry.example.com/app."
  type        = string
}

variable "type" {
  description = "Type of the metadata, such as contact."
  type        = string
}

variable "contents" {
  description = "Content by digest of the image. Metadata of the type that is not in the map is removed."
  type        = map(string)

  validation {
    condition     = alltrue([for image in keys(var.contents) : can(regex("^sha256:[0-9a-f]{64}$", image))])
    error_message = "Name each image by its digest: an import knows no tags."
  }

  validation {
    condition     = length(var.contents) > 0
    error_message = "An empty map would remove all metadata of the type."
  }
}
