run "finds_what_runs" {
  variables {
    pods = [
      {
        kind = "Pod"
        metadata = {
          name            = "web-7d9c5b8f6d-abcde"
          namespace       = "shop"
          labels          = { "pod-template-hash" = "7d9c5b8f6d" }
          ownerReferences = [{ kind = "ReplicaSet", name = "web-7d9c5b8f6d" }]
        }
        status = {
          containerStatuses = [
            { imageID = "ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111" },
            { imageID = "" },
            { imageID = null },
          ]
        }
      },
      {
        kind     = null # The items of a list need not say it.
        metadata = { name = "db-0", namespace = "shop", ownerReferences = [{ kind = "StatefulSet", name = "db" }] }
        status = {
          containerStatuses = [
            { imageID = "docker-pullable://postgres@sha256:3333333333333333333333333333333333333333333333333333333333333333" },
          ]
        }
      },
      {
        kind     = "Pod"
        metadata = { name = "pending", namespace = "shop" }
        status   = { phase = "Pending" }
      },
    ]
  }

  assert {
    condition = jsonencode(output.workloads) == jsonencode({
      "shop/db"  = ["postgres@sha256:3333333333333333333333333333333333333333333333333333333333333333"]
      "shop/web" = ["ghcr.io/example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"]
    })
    error_message = "The workloads are not those that run."
  }
}

run "refuses_what_is_no_pod" {
  command = plan

  variables {
    pods = [{ kind = "Deployment", metadata = { name = "web" } }]
  }

  expect_failures = [var.pods]
}
