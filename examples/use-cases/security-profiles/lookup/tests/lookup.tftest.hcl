run "refuses_an_image_without_profiles" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.2"
  }

  expect_failures = [output.image]
}

run "runs_it_with_the_default_if_none_is_required" {
  variables {
    image    = "ghcr.io/example/app:1.2"
    required = []
  }

  assert {
    condition     = length(output.docker_security_opts) == 0 && length(output.node_files) == 0
    error_message = "There are options for profiles that the image lacks."
  }

  assert {
    condition = jsonencode(output.kubernetes_security_context) == jsonencode({
      appArmorProfile = { type = "RuntimeDefault" }
      seccompProfile  = { type = "RuntimeDefault" }
    })
    error_message = "A pod does not get the default profiles."
  }
}

run "publish" {
  module {
    source = "../publish"
  }

  variables {
    image            = "ghcr.io/example/app:1.2"
    seccomp_profile  = "../publish/tests/profiles/seccomp.json"
    apparmor_profile = "../publish/tests/profiles/apparmor"
  }
}

run "finds_the_profiles" {
  variables {
    image    = "ghcr.io/example/app:1.2"
    required = ["seccomp", "apparmor"]
  }

  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The image to run is not the build of 1.2, by digest."
  }

  assert {
    condition = output.docker_security_opts == tolist([
      "seccomp=${file("../publish/tests/profiles/seccomp.json")}",
      "apparmor=example-app",
    ])
    error_message = "The options for Docker are not the profiles."
  }

  assert {
    condition = jsonencode(output.kubernetes_security_context) == jsonencode({
      appArmorProfile = { type = "Localhost", localhostProfile = "example-app" }
      seccompProfile = {
        type             = "Localhost"
        localhostProfile = "manifesto/${filesha256("../publish/tests/profiles/seccomp.json")}.json"
      }
    })
    error_message = "A pod does not name the profiles, that of seccomp by its digest."
  }

  assert {
    condition = keys(output.node_files) == tolist([
      "/etc/apparmor.d/example-app",
      "/var/lib/kubelet/seccomp/manifesto/${filesha256("../publish/tests/profiles/seccomp.json")}.json",
    ])
    error_message = "The files do not have the paths where nodes look for them."
  }

  assert {
    condition = values(output.node_files) == tolist([
      file("../publish/tests/profiles/apparmor"),
      file("../publish/tests/profiles/seccomp.json"),
    ])
    error_message = "The files for the nodes are not the profiles."
  }
}

run "break_the_profile" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "seccomp"
    content = "{\"defaultAction\":\"DENY\"}"
  }
}

run "refuses_a_broken_profile" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [output.image]
}

run "break_the_other_profile" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "apparmor"
    content = "/app/server { /app/** r, }"
  }
}

run "refuses_a_profile_without_a_name" {
  command = plan

  variables {
    image    = "ghcr.io/example/app:1.3"
    required = []
  }

  expect_failures = [output.image]
}

run "break_it_otherwise" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "apparmor"
    content = "profile unconfined { }"
  }
}

run "refuses_a_profile_whose_name_means_none" {
  command = plan

  variables {
    image    = "ghcr.io/example/app:1.3"
    required = []
  }

  expect_failures = [output.image]
}

run "break_the_path" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "apparmor"
    content = "profile ../../root/evil { }"
  }
}

run "refuses_a_profile_whose_name_is_a_path" {
  command = plan

  variables {
    image    = "ghcr.io/example/app:1.3"
    required = []
  }

  expect_failures = [output.image]
}
