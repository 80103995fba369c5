import {
  to = manifesto_image_metadata.release
  id = "ghcr.io/example/app@sha256:3f4a8d1c5e6b7a90f1e2d3c4b5a69788f0e1d2c3b4a5968778695a4b3c2d1e0f"
}
