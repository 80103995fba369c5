# The look-up is real. No deployment is created.
mock_provider "kubernetes" {}

provider "manifesto" {}

variables {
  name  = "app"
  image = "ghcr.io/example/app:1.2"
}

run "declare" {
  module {
    source = "../declare"
  }

  providers = {
    manifesto = manifesto # No other: OpenTofu would look for one that this module does not know.
  }

  variables {
    contact = {
      team         = "platform"
      email        = "platform-team@example.com"
      chat         = "#platform"
      alert_secret = "monitoring/app-alerts#webhook"
    }
  }
}

run "annotates_the_deployment" {
  command = plan

  variables {
    namespace = "monitoring"
  }

  assert {
    condition = output.annotations == tomap({
      "a8r.io/owner"   = "platform"
      "a8r.io/support" = "platform-team@example.com"
      "a8r.io/chat"    = "#platform"
    })
    error_message = "The deployment is not annotated with the contact."
  }

  assert {
    condition = [
      for container in kubernetes_deployment_v1.app.spec[0].template[0].spec[0].container :
      container.env[0].value_from[0].secret_key_ref[0].name
    ] == ["app-alerts"]
    error_message = "The container does not get the webhook from the secret."
  }
}

run "does_not_reach_for_a_secret_of_another_namespace" {
  command = plan

  assert {
    condition     = length(kubernetes_deployment_v1.app.spec[0].template[0].spec[0].container[0].env) == 0
    error_message = "The container refers to a secret that is not in its namespace."
  }
}
