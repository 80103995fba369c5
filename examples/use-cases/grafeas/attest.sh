#!/bin/sh
# Prints the signature that Binary Authorization wants for an image: attest.sh KEY REPOSITORY@DIGEST
set -eu

printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"%s"}}' \
  "${2%@*}" "${2#*@}" "Google cloud binauthz container signature" |
  openssl dgst -sha256 -sign "$1" | openssl base64 -A
