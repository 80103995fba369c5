run "stores_the_files_as_they_are" {
  variables {
    image            = "ghcr.io/example/app:1.2"
    seccomp_profile  = "tests/profiles/seccomp.json"
    apparmor_profile = "tests/profiles/apparmor"
  }

  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The profiles are not about the build of 1.2."
  }

  assert {
    condition     = output.digests.seccomp == "sha256:${filesha256("tests/profiles/seccomp.json")}"
    error_message = "The seccomp profile is not the file."
  }

  assert {
    condition     = output.digests.apparmor == "sha256:${filesha256("tests/profiles/apparmor")}"
    error_message = "The AppArmor profile is not the file."
  }
}

run "does_without_apparmor" {
  variables {
    image           = "ghcr.io/example/app:1.3"
    seccomp_profile = "tests/profiles/seccomp.json"
  }

  assert {
    condition     = output.digests.apparmor == null
    error_message = "There is an AppArmor profile that nobody gave."
  }
}

run "refuses_an_apparmor_profile_without_a_name" {
  command = plan

  variables {
    image            = "ghcr.io/example/app:1.3"
    seccomp_profile  = "tests/profiles/seccomp.json"
    apparmor_profile = "tests/profiles/apparmor-without-name"
  }

  expect_failures = [manifesto_metadata.apparmor]
}
