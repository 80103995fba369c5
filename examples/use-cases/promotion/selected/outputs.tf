output "image" {
  description = "Promoted image by digest."
  value       = "${var.to}@${data.manifesto_image.from.image_digest}"
}
