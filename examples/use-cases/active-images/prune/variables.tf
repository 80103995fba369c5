variable "repository" {
  description = "Repository of the images, such as ghcr.io/example/app."
  type        = string
}

variable "keep_types" {
  description = "Images with metadata of one of these types are kept. The types may be patterns."
  type        = set(string)
  default     = ["active/*", "hold"]
}

variable "keep_tags" {
  description = "Images with a tag that matches this regular expression are kept: they may run soon."
  type        = string
  default     = "^(latest|main)$"
}
