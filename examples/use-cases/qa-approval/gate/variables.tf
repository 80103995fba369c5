variable "image" {
  description = "Image to deploy, by tag or digest."
  type        = string
}

variable "approvers" {
  description = "Who may approve, as written in the approvals."
  type        = set(string)
}

variable "enforce" {
  description = "Refuse a build that is not approved. If false, only warn: to introduce the gate, or in an emergency."
  type        = bool
  default     = true
}
