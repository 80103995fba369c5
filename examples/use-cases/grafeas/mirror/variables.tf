variable "image" {
  description = "The approved image, by digest: europe-docker.pkg.dev/example/app/web@sha256:…"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the approved image by its digest: an attestation is about one build."
  }
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
  description = "Version of the repository's metadata that was seen before: older ones are refused. See output version."
  type        = number
  default     = null
}

variable "note" {
  description = "The attestor's note, as projects/PROJECT/notes/NAME."
  type        = string
}

variable "signature" {
  description = "Signature of the payload in base64, and the id that the attestor gives to its key. See attest.sh."
  type = object({
    value         = string
    public_key_id = string
  })
}
