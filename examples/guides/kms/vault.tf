provider "manifesto" {
  signing = {
    plugin = {
      name   = "hc-vault"
      key_id = "manifesto"
      config = {
        transitName = "transit"
        kvName      = "secret"
      }
      environment = {
        VAULT_ADDR  = "https://vault.example.com:8200"
        VAULT_TOKEN = var.vault_token
      }
    }
    expiry = "2160h"
  }
}

variable "vault_token" {
  description = "Token that may update transit/sign/manifesto and read secret/data/manifesto."
  type        = string
  sensitive   = true
  ephemeral   = true
}
