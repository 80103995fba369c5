import {
  to = manifesto_metadata.contact
  id = "ghcr.io/example/app:1.2#contact"
}
