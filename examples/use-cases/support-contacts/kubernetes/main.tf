module "contact" {
  source = "../lookup"

  image = var.image
}

# kubectl describe says whom to call.
resource "kubernetes_deployment_v1" "app" {
  metadata {
    name        = var.name
    namespace   = var.namespace
    annotations = module.contact.annotations
  }

  spec {
    selector {
      match_labels = { app = var.name }
    }

    template {
      metadata {
        labels = { app = var.name }
      }

      spec {
        container {
          name  = "app"
          image = module.contact.image

          # The webhook comes from the secret that the contact names. Neither the metadata nor the state has it.
          dynamic "env" {
            for_each = local.webhook == null ? [] : [local.webhook]

            content {
              name = "ALERT_WEBHOOK"

              value_from {
                secret_key_ref {
                  name = env.value.name
                  key  = env.value.key
                }
              }
            }
          }
        }
      }
    }
  }
}

locals {
  # A pod can only use a secret of its own namespace.
  webhook = try(module.contact.alert_secret.namespace == var.namespace ? module.contact.alert_secret : null, null)
}
