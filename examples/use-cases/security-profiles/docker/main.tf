module "profiles" {
  source = "../lookup"

  image = var.image
}

resource "docker_image" "app" {
  name = module.profiles.image
}

# The seccomp profile travels with the request. An AppArmor profile must be loaded on the host: node_files has it.
resource "docker_container" "app" {
  name          = var.name
  image         = docker_image.app.image_id
  security_opts = concat(module.profiles.docker_security_opts, ["no-new-privileges:true"])
}
