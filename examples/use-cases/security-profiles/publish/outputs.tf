output "image" {
  description = "The build that has the profiles, by digest."
  value       = "${manifesto_metadata.seccomp.repository}@${manifesto_metadata.seccomp.image_digest}"
}

output "digests" {
  description = "Digests of the profiles."
  value = {
    seccomp  = manifesto_metadata.seccomp.digest
    apparmor = one(manifesto_metadata.apparmor[*].digest)
  }
}
