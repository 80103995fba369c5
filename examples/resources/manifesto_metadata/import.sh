# IMAGE#TYPE: name the image by tag or digest, as in the configuration. For one platform of a
# multi-platform image, use the digest of that platform's manifest.
terraform import manifesto_metadata.contact 'ghcr.io/example/app:1.2#contact'
