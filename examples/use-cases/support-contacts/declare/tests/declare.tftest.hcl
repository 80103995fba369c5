variables {
  image = "ghcr.io/example/app:1.2"
}

run "stores_the_contact" {
  variables {
    contact = {
      team         = "platform"
      email        = "platform-team@example.com"
      alert_secret = "monitoring/app-alerts#webhook"
    }
  }

  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The contact is not about the build of 1.2."
  }

  assert {
    condition = jsondecode(manifesto_metadata.contact.content) == {
      team = "platform", email = "platform-team@example.com", alert_secret = "monitoring/app-alerts#webhook"
    }
    error_message = "The metadata is not the contact."
  }
}

run "refuses_a_webhook_as_chat" {
  command = plan

  variables {
    contact = {
      team  = "platform"
      email = "platform-team@example.com"
      chat  = "https://chat.example.com/hooks/T000/B000/secret"
    }
  }

  expect_failures = [manifesto_metadata.contact]
}

run "refuses_a_webhook_in_place_of_a_secret" {
  command = plan

  variables {
    contact = {
      team         = "platform"
      email        = "platform-team@example.com"
      alert_secret = "https://chat.example.com/hooks/T000/B000/secret"
    }
  }

  expect_failures = [manifesto_metadata.contact]
}

run "refuses_a_link_with_a_token" {
  command = plan

  variables {
    contact = {
      team    = "platform"
      email   = "platform-team@example.com"
      runbook = "https://wiki.example.com/app?token=secret"
    }
  }

  expect_failures = [manifesto_metadata.contact]
}

run "refuses_a_contact_that_cannot_be_written_to" {
  command = plan

  variables {
    contact = {
      team  = "platform"
      email = "the platform team"
    }
  }

  expect_failures = [manifesto_metadata.contact]
}
