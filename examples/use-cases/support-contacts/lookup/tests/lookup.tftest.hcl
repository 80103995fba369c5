variables {
  image = "ghcr.io/example/app:1.2"
}

run "reminds_of_a_missing_contact" {
  command = plan

  expect_failures = [check.contact]
}

run "declare" {
  module {
    source = "../declare"
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

run "annotates_with_the_contact" {
  assert {
    condition = output.annotations == {
      "a8r.io/owner"   = "platform"
      "a8r.io/support" = "platform-team@example.com"
      "a8r.io/chat"    = "#platform"
    }
    error_message = "The annotations are not the contact."
  }

  assert {
    condition     = output.alert_secret == { namespace = "monitoring", name = "app-alerts", key = "webhook" }
    error_message = "The secret is not the one that the contact names."
  }

  assert {
    condition     = endswith(output.image, "@sha256:1111111111111111111111111111111111111111111111111111111111111111")
    error_message = "The contact is not about the build of 1.2."
  }
}

run "store_something_else" {
  module {
    source = "../../testing/metadata"
  }

  variables {
    image   = "ghcr.io/example/app:1.3"
    type    = "contact"
    content = "ask around"
  }
}

run "annotates_nothing_with_what_it_does_not_know" {
  command = plan

  variables {
    image = "ghcr.io/example/app:1.3"
  }

  expect_failures = [check.contact]

  assert {
    condition     = length(output.annotations) == 0 && output.alert_secret == null
    error_message = "There are annotations from something that is no contact."
  }
}
