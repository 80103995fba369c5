variables {
  directory = "tests/approvals"
}

run "stores_the_approvals_of_the_directory" {
  assert {
    condition = { for image, file in output.approved : split("@", image)[1] => file } == {
      "sha256:1111111111111111111111111111111111111111111111111111111111111111" = "tests/approvals/app.yaml"
      "sha256:2222222222222222222222222222222222222222222222222222222222222222" = "tests/approvals/team/next.yaml"
    }
    error_message = "The approvals are not those of the files."
  }
}

run "refuses_to_revoke_all" {
  command = plan

  variables {
    directory = "tests/none"
  }

  expect_failures = [var.directory]
}

run "pipelines_are_yaml" {
  module {
    source = "./tests/pipelines"
  }

  assert {
    condition = (
      output.github.jobs.plan.permissions.packages == "read" && output.github.jobs.apply.permissions.packages == "write"
    )
    error_message = "The jobs of GitHub have other permissions."
  }

  # In YAML 1.1, the key on is true.
  assert {
    condition = (
      output.github["true"].push.branches[0] == "main" && output.github.jobs.apply.if == "github.event_name == 'push'"
    )
    error_message = "GitHub applies something else than the main branch."
  }

  assert {
    condition = (
      output.gitlab.plan.rules[0].if == "$CI_PIPELINE_SOURCE == \"merge_request_event\""
      && output.gitlab.apply.rules[0].if == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    )
    error_message = "The jobs of GitLab have other rules."
  }

  assert {
    condition     = contains(output.atlantis.projects[0].autoplan.when_modified, "approvals/**")
    error_message = "Atlantis does not plan a changed approval."
  }

  assert {
    condition = alltrue([
      for pod in [output.flux.terraform.spec.runnerPodTemplate.spec] :
      pod.env[0].name == "DOCKER_CONFIG" && pod.env[0].value == pod.volumeMounts[0].mountPath
      && pod.volumeMounts[0].name == pod.volumes[0].name && pod.volumes[0].secret.items[0].path == "config.json"
    ])
    error_message = "DOCKER_CONFIG of the runner is not the mounted secret."
  }

  assert {
    condition     = output.flux.source.metadata.name == output.flux.terraform.spec.sourceRef.name
    error_message = "The runner has another source."
  }
}
