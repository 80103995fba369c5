output "errors" {
  value = provider::manifesto::json_schema_errors(jsonencode({ type = "object" }), "[]") # One message.
}
