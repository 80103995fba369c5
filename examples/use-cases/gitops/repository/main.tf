provider "manifesto" {
  default_registry = var.registry
}

module "approvals" {
  source = "../approvals"

  files = {
    for name in fileset(path.root, "${var.directory}/**/*.yaml") : name => file("${path.root}/${name}")
  }
}
