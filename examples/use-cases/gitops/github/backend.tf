terraform {
  backend "s3" {
    bucket       = "example-terraform-state"
    key          = "approvals.tfstate"
    region       = "eu-central-1"
    use_lockfile = true
  }
}
