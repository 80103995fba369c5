module "arrival" {
  source = "../arrive"

  from     = var.from
  to       = var.to
  required = var.required
}

# The metadata was pushed with the image. Can go after the first apply.
import {
  to = module.arrival.manifesto_image_metadata.arrived
  id = "${var.to}@${module.arrival.digest}"
}
