output "image" {
  description = "The image to run: the build that the profiles are for, by digest."
  value       = data.manifesto_image.profiles.id

  precondition {
    condition     = length(local.problems) == 0
    error_message = "${data.manifesto_image.profiles.id} must not run: ${join("; ", local.problems)}."
  }
}

output "docker_security_opts" {
  description = "The options of docker_container for the profiles. Docker's API takes the text of a seccomp profile."
  value = compact([
    local.seccomp == null ? "" : "seccomp=${local.seccomp}",
    local.apparmor_name == null ? "" : "apparmor=${local.apparmor_name}",
  ])
}

output "kubernetes_security_context" {
  description = "The profiles in the securityContext of a container, RuntimeDefault where the image has none."
  value = {
    seccompProfile = { for key, value in {
      type             = local.seccomp == null ? "RuntimeDefault" : "Localhost"
      localhostProfile = local.seccomp_path
    } : key => value if value != null }
    appArmorProfile = { for key, value in {
      type             = local.apparmor == null ? "RuntimeDefault" : "Localhost"
      localhostProfile = local.apparmor_name
    } : key => value if value != null }
  }
}

output "node_files" {
  description = "Files that a node must have before a pod with these profiles starts: content by path."
  value = merge(
    local.seccomp == null ? {} : { "/var/lib/kubelet/seccomp/${local.seccomp_path}" = local.seccomp },
    local.apparmor_name == null ? {} : { "/etc/apparmor.d/${local.apparmor_name}" = local.apparmor },
  )
}
