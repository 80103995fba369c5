# The look-up is real. No pod is started.
mock_provider "kubernetes" {}

provider "manifesto" {}

variables {
  name  = "app"
  image = "ghcr.io/example/app:1.2"
}

run "publish" {
  module {
    source = "../publish"
  }

  providers = {
    manifesto = manifesto # No other: OpenTofu would look for one that this module does not know.
  }

  variables {
    seccomp_profile  = "../publish/tests/profiles/seccomp.json"
    apparmor_profile = "../publish/tests/profiles/apparmor"
  }
}

run "confines_the_pod" {
  command = plan

  assert {
    condition     = endswith(kubernetes_manifest.app.manifest.spec.containers[0].image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The pod does not run the build that the profiles are for."
  }

  assert {
    condition = jsonencode(kubernetes_manifest.app.manifest.spec.containers[0].securityContext) == jsonencode({
      allowPrivilegeEscalation = false
      appArmorProfile          = { type = "Localhost", localhostProfile = "example-app" }
      seccompProfile = {
        type             = "Localhost"
        localhostProfile = "manifesto/${filesha256("../publish/tests/profiles/seccomp.json")}.json"
      }
    })
    error_message = "The pod does not get the profiles."
  }
}
