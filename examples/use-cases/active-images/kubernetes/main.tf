locals {
  # What runs, by the digest that the container runtime reports. A container that has not started yet has none.
  containers = flatten([
    for pod in var.pods : [
      for container in try(pod.status.containerStatuses, []) : {
        # A pod's name changes with each rollout. That of its owner does not, without the hash of a deployment's pods.
        workload = join("/", [pod.metadata.namespace, try(
          trimsuffix(pod.metadata.ownerReferences[0].name, "-${pod.metadata.labels["pod-template-hash"]}"),
          pod.metadata.ownerReferences[0].name,
          pod.metadata.name,
        )])
        image = try(replace(container.imageID, "/^[a-z-]+:\\/\\//", ""), "") # Some runtimes write docker-pullable://.
      }
    ]
  ])
}
