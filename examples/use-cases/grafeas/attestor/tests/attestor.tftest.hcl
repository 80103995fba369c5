# No attestor is created: the mock checks the arguments against the provider's schema.
mock_provider "google" {}

variables {
  name        = "qa-approval"
  description = "QA has approved the build"
  public_key = {
    id  = "ni:///sha-256;example"
    pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
  }
}

run "creates_an_attestor_with_its_note" {
  assert {
    condition     = google_binary_authorization_attestor.approval.attestation_authority_note[0].note_reference == "qa-approval"
    error_message = "The attestor has another note."
  }

  assert {
    condition = [
      for key in google_binary_authorization_attestor.approval.attestation_authority_note[0].public_keys :
      [key.id, key.pkix_public_key[0].signature_algorithm]
    ] == [["ni:///sha-256;example", "ECDSA_P256_SHA256"]]
    error_message = "The attestor has other keys."
  }
}

# The id of the data source google_kms_crypto_key_version.
run "takes_a_key_of_cloud_kms" {
  variables {
    public_key = {
      id        = "//cloudkms.googleapis.com/v1/projects/p/locations/eu/keyRings/qa/cryptoKeys/qa/cryptoKeyVersions/1"
      pem       = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
      algorithm = "EC_SIGN_P256_SHA256"
    }
  }

  assert {
    condition = [
      for key in google_binary_authorization_attestor.approval.attestation_authority_note[0].public_keys : key.id
    ] == [var.public_key.id]
    error_message = "The attestor has another key."
  }
}

run "refuses_a_key_without_a_uri" {
  command = plan

  variables {
    public_key = {
      id  = "qa"
      pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
    }
  }

  expect_failures = [var.public_key]
}

run "refuses_a_certificate" {
  command = plan

  variables {
    public_key = {
      id  = "ni:///sha-256;example"
      pem = "-----BEGIN CERTIFICATE-----\nMFkw\n-----END CERTIFICATE-----\n"
    }
  }

  expect_failures = [var.public_key]
}
