output "image" {
  description = "Image at the target by digest. It is there only if its metadata is complete."
  value       = module.arrival.image
}
