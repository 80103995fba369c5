# The note says in whose name the attestations speak.
resource "google_container_analysis_note" "approval" {
  name = var.name

  attestation_authority {
    hint {
      human_readable_name = var.description
    }
  }
}

# Binary Authorization admits images with an attestation that this key has signed.
resource "google_binary_authorization_attestor" "approval" {
  name = var.name

  attestation_authority_note {
    note_reference = google_container_analysis_note.approval.name

    public_keys {
      id = var.public_key.id

      pkix_public_key {
        public_key_pem      = var.public_key.pem
        signature_algorithm = var.public_key.algorithm
      }
    }
  }
}
