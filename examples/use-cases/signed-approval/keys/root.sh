#!/bin/sh
# Makes root.key and root.crt. Readers trust the certificate; the key signs other certificates only. Keep it offline.
set -eu
umask 077

cat > root.ext <<'END'
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
END
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out root.key
openssl req -new -key root.key -subj "/C=DE/ST=Berlin/O=Example/CN=Example root" -out root.csr
openssl x509 -req -in root.csr -signkey root.key -sha384 -days 3650 -extfile root.ext -out root.crt
