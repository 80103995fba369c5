output "node_files" {
  description = "Files that the nodes must have before the pod starts: content by path."
  value       = module.profiles.node_files
}
