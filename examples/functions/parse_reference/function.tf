output "repository" {
  value = provider::manifesto::parse_reference("alpine:3.23").repository # docker.io/library/alpine
}
