variables {
  directory = "tests/approvals"
}

run "stores_the_approvals_of_the_directory" {
  assert {
    condition = output.approved == {
      "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111" = "tests/approvals/app.yaml"
      "ghcr.io/example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222" = "tests/approvals/team/next.yaml"
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

run "pipelines_plan_what_they_apply" {
  command = plan

  assert {
    condition = alltrue([
      for job, access in { plan = "read", apply = "write" } :
      yamldecode(file(".github/workflows/approvals.yml")).jobs[job].permissions.packages == access
    ])
    error_message = "The jobs of GitHub have other permissions."
  }

  assert {
    condition = alltrue([
      for job, condition in {
        plan  = "$CI_PIPELINE_SOURCE == \"merge_request_event\""
        apply = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
      } : yamldecode(file(".gitlab-ci.yml"))[job].rules[0].if == condition
    ])
    error_message = "The jobs of GitLab have other rules."
  }

  assert {
    condition     = contains(yamldecode(file("atlantis.yaml")).projects[0].autoplan.when_modified, "approvals/**")
    error_message = "Atlantis does not plan a changed approval."
  }

  assert {
    condition = alltrue([
      for pod in [yamldecode(file("flux/terraform.yaml")).spec.runnerPodTemplate.spec] :
      pod.env[0].value == pod.volumeMounts[0].mountPath && pod.volumes[0].secret.items[0].path == "config.json"
    ])
    error_message = "DOCKER_CONFIG of the runner is not the mounted secret."
  }

  assert {
    condition     = yamldecode(file("flux/source.yaml")).metadata.name == yamldecode(file("flux/terraform.yaml")).spec.sourceRef.name
    error_message = "The runner has another source."
  }
}
