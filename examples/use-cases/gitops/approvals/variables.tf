variable "files" {
  description = "YAML text of each approval by the name of its file. approval.schema.json describes a file."
  type        = map(string)
}

variable "type" {
  description = "Type of the metadata."
  type        = string
  default     = "approval"
}
