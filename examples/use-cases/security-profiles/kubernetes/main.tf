module "profiles" {
  source = "../lookup"

  image = var.image
}

# A kubernetes_manifest, because kubernetes_pod_v1 and its kin have no attribute for AppArmor.
resource "kubernetes_manifest" "app" {
  manifest = {
    apiVersion = "v1"
    kind       = "Pod"
    metadata = {
      name      = var.name
      namespace = var.namespace
    }
    spec = {
      containers = [{
        name  = "app"
        image = module.profiles.image
        securityContext = merge(module.profiles.kubernetes_security_context, {
          allowPrivilegeEscalation = false
        })
      }]
    }
  }
}
