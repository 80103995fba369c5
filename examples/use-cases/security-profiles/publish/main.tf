# The profiles are stored with the bytes of the files, which stay out of the state.
resource "manifesto_metadata" "seccomp" {
  image       = var.image
  type        = "seccomp"
  source      = var.seccomp_profile
  json_schema = file("${path.module}/../seccomp.schema.json") # Checked at plan.

  on_tag_move = "fail" # A new build may need another profile: say so, instead of moving this one.
}

resource "manifesto_metadata" "apparmor" {
  count = var.apparmor_profile == null ? 0 : 1

  image       = var.image
  type        = "apparmor"
  source      = var.apparmor_profile
  on_tag_move = "fail"

  lifecycle {
    precondition {
      condition = length(
        regexall("(?m)^\\s*profile\\s+[A-Za-z0-9][A-Za-z0-9._-]*[\\s{]", file(var.apparmor_profile))
      ) == 1
      error_message = "${var.apparmor_profile} must have one profile with a name: profile NAME {…}."
    }
  }
}
