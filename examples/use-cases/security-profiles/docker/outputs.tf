output "node_files" {
  description = "Files that the host must have: load the AppArmor profile with apparmor_parser before the container starts."
  value       = module.profiles.node_files
}
