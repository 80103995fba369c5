# IMAGE#TYPE: the image by tag or digest, as the configuration spells it. For a platform of a
# multi-platform image, the digest of that platform's child.
terraform import manifesto_metadata.contact 'ghcr.io/example/app:1.2#contact'
