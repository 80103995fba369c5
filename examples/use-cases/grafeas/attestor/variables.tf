variable "name" {
  description = "Name of the note and of the attestor."
  type        = string
}

variable "description" {
  description = "Who attests, for people."
  type        = string
}

variable "public_key" {
  description = "Key that the attestations are checked with: a URI or its id in Cloud KMS, PEM, and algorithm."
  type = object({
    id        = string
    pem       = string
    algorithm = optional(string, "ECDSA_P256_SHA256")
  })

  validation {
    condition     = can(regex("^([a-z][a-z0-9+.-]*:|//)[^\\s]+$", var.public_key.id))
    error_message = "Name the key by a URI, such as ni:///sha-256;…, or by its id: //cloudkms.googleapis.com/v1/…."
  }

  validation {
    condition     = startswith(var.public_key.pem, "-----BEGIN PUBLIC KEY-----")
    error_message = "Give the public key as PEM: openssl x509 -in signer.crt -noout -pubkey prints it."
  }
}
