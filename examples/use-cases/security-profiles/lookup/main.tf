# One look-up for both profiles, of the build that the tag names now.
data "manifesto_image" "profiles" {
  image           = var.image
  include_types   = ["seccomp", "apparmor"]
  include_content = true
}

locals {
  # The content of a profile: null if the image has none, and blank if it is no text.
  profiles = {
    for type in ["seccomp", "apparmor"] :
    type => contains(data.manifesto_image.profiles.types, type) ? coalesce(
      data.manifesto_image.profiles.metadata[type].content, " "
    ) : null
  }
  digests  = { for type, piece in data.manifesto_image.profiles.metadata : type => trimprefix(piece.digest, "sha256:") }
  seccomp  = local.profiles["seccomp"]
  apparmor = local.profiles["apparmor"]

  # The name has the digest of the content, so that a node can have the profiles of many builds.
  seccomp_path = try("manifesto/${local.digests["seccomp"]}.json", null)

  # The name becomes a part of a path. To Docker and Kubernetes, "unconfined" means no profile.
  apparmor_names = try(
    regexall("(?m)^\\s*profile\\s+\"?([A-Za-z0-9][A-Za-z0-9._-]*)[\\s\"{]", local.apparmor)[*][0], []
  )
  apparmor_name = (
    length(local.apparmor_names) == 1 && !contains(local.apparmor_names, "unconfined") ? local.apparmor_names[0] : null
  )

  # What others stored is checked like what publish stores.
  schema = file("${path.module}/../seccomp.schema.json")

  problems = concat(
    [for type in var.required : "there is no ${type} profile" if local.profiles[type] == null],
    local.seccomp == null ? [] : [
      for problem in provider::manifesto::json_schema_errors(local.schema, local.seccomp) :
      "seccomp profile: ${problem}"
    ],
    local.apparmor != null && local.apparmor_name == null ? ["the AppArmor profile has no name that can be used"] : [],
  )
}
