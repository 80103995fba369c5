variable "image" {
  description = "Image to deploy, by tag or digest."
  type        = string
}

variable "trusted_certificates" {
  description = "Root certificates of those who may approve, as PEM, one after another."
  type        = string
}

variable "trusted_identities" {
  description = "Who of them may approve: * for all, or subjects such as x509.subject: C=DE, ST=Berlin, O=Example, CN=QA."
  type        = list(string)
  default     = ["*"]
}

variable "minimum_version" {
  description = "Version of the repository's metadata that was seen before: an older one is refused. See output version."
  type        = number
  default     = null
}

variable "enforce" {
  description = "Refuse a build without a signed approval. If false, only warn: to introduce the gate."
  type        = bool
  default     = true
}
