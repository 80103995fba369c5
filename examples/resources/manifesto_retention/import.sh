# The id is the name of the repository.
terraform import manifesto_retention.app ghcr.io/example/app
