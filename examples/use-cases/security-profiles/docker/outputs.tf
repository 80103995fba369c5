output "node_files" {
  description = "Files that the host must have. apparmor_parser must load the AppArmor profile."
  value       = module.profiles.node_files
}
