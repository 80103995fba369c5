# No metadata outlives its image.
resource "manifesto_retention" "app" {
  repository = "ghcr.io/example/app"
}

# Scan reports go with their image, but not the one that every audit wants to see.
resource "manifesto_retention" "scans" {
  repository = "ghcr.io/example/service"
  types      = ["scan/*"]
  keep_types = ["scan/audit"]
}
