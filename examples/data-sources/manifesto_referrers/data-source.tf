# What has been attached to this image, by whichever tool.
data "manifesto_referrers" "app" {
  image = "ghcr.io/example/app:1.2"
}

output "attached" {
  value = { for r in data.manifesto_referrers.app.referrers : r.digest => r.artifact_type }
}
