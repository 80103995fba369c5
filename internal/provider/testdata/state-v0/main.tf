# The configuration of the states in this directory. The provider of commit 42e64a4, which had manifesto_metadata as its
# only resource, applied it after it had imported "imported" and "legacy"; the original tool had written "legacy". The
# names in capitals and the host stand for what the test puts in. json-schema/ has states of a later provider, in which
# the resource had json_schema, too. TestCLIWriteStatesOfVersion0 writes the states of this directory.

resource "manifesto_metadata" "contact" {
  image   = "registry.test/app:1"
  type    = "contact"
  content = "team@example.com"
}

resource "manifesto_metadata" "approval" {
  image       = "registry.test/app@DIGEST-ONE"
  type        = "approval"
  content     = "{\"approved\": true, \"by\": \"security\"}"
  media_type  = "application/vnd.example.approval+json"
  annotations = { ticket = "SEC-1234", empty = "" }
}

resource "manifesto_metadata" "binary" {
  image          = "registry.test/app:1"
  type           = "binary"
  content_base64 = "AP9iaW5hcnkA"
  annotations    = {}
}

resource "manifesto_metadata" "report" {
  image  = "registry.test/app:1"
  type   = "report"
  source = "report.json"
}

resource "manifesto_metadata" "write_only" {
  image              = "registry.test/app:1"
  type               = "write-only"
  content_wo         = "neither in plan nor in state"
  content_wo_version = 3
}

resource "manifesto_metadata" "platform" {
  image       = "registry.test/app:multi"
  platform    = "linux/arm64"
  type        = "contact"
  content     = "arm-team@example.com"
  on_tag_move = "keep"
}

resource "manifesto_metadata" "settings" {
  image           = "registry.test/app:1"
  type            = "settings"
  content         = "{}"
  on_tag_move     = "fail"
  overwrite       = true
  keep_on_destroy = true
  timeouts = {
    create = "10m"
    read   = "1m"
  }
}

resource "manifesto_metadata" "counted" {
  count   = 2
  image   = "registry.test/app:1"
  type    = "counted-${count.index}"
  content = "number ${count.index}"
}

# Both tags name one image, whose entry the two resources share.
resource "manifesto_metadata" "promoted" {
  for_each = toset(["1", "production"])
  image    = "registry.test/app:${each.key}"
  type     = "owner"
  content  = "Zoë, 東京"
}

resource "manifesto_metadata" "imported" {
  image   = "registry.test/app:1"
  type    = "imported"
  content = "[1,\n 2]\n"
}

resource "manifesto_metadata" "legacy" {
  image   = "registry.test/app@DIGEST-ONE"
  type    = "legacy"
  content = "from the original tool"
}
