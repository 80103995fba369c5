provider "manifesto" {
  signing = {
    plugin = {
      name   = "com.amazonaws.signer.notation.plugin"
      key_id = "arn:aws:signer:eu-central-1:111122223333:/signing-profiles/manifesto"
      config = { aws-region = "eu-central-1" }
      environment = {
        AWS_ROLE_ARN                = var.role
        AWS_WEB_IDENTITY_TOKEN_FILE = var.token_file
      }
    }
  }
}

variable "role" {
  description = "ARN of the role that may call signer:SignPayload with the profile."
  type        = string
}

variable "token_file" {
  description = "File with the token of the job or pod."
  type        = string
}
