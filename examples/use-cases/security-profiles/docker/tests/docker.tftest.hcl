# The look-up is real. No container is started.
mock_provider "docker" {}

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

run "confines_the_container" {
  assert {
    condition     = endswith(docker_image.app.name, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The image is not the build that the profiles are for."
  }

  assert {
    condition = docker_container.app.security_opts == toset([
      "seccomp=${file("../publish/tests/profiles/seccomp.json")}", "apparmor=example-app", "no-new-privileges:true",
    ])
    error_message = "The container does not get the profiles."
  }
}
