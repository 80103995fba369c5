#!/bin/sh
# Makes signer.key, which signs metadata, and chain.pem: its certificate and the root that root.sh made.
set -eu
umask 077

cat > signer.ext <<'END'
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = codeSigning
END
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signer.key
openssl req -new -key signer.key -subj "/C=DE/ST=Berlin/O=Example/CN=${1:-QA}" -out signer.csr
openssl x509 -req -in signer.csr -CA root.crt -CAkey root.key -CAcreateserial -sha256 -days 365 \
  -extfile signer.ext -out signer.crt
cat signer.crt root.crt > chain.pem
