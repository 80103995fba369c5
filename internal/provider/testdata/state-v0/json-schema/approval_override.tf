# What the configuration of the states in this directory has besides.

resource "manifesto_metadata" "approval" {
  json_schema = jsonencode({ type = "object", required = ["approved"] })
}
