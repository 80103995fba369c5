provider "manifesto" {
  signing = {
    plugin = {
      name   = "azure-kv"
      key_id = "https://example.vault.azure.net/keys/manifesto/0123456789abcdef0123456789abcdef"
      config = { credential_type = "workloadid" }
      environment = {
        AZURE_TENANT_ID            = var.tenant_id
        AZURE_CLIENT_ID            = var.client_id
        AZURE_FEDERATED_TOKEN_FILE = var.token_file
        AZURE_AUTHORITY_HOST       = "https://login.microsoftonline.com/"
      }
    }
    expiry = "2160h"
  }
}

variable "tenant_id" {
  type = string
}

variable "client_id" {
  type = string
}

variable "token_file" {
  description = "File with the token of the job or pod."
  type        = string
}
