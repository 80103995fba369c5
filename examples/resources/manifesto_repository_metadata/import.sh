# REPOSITORY#TYPE. All metadata of the type becomes part of the state, by the digests of the images.
terraform import manifesto_repository_metadata.approvals 'ghcr.io/example/app#approval'
