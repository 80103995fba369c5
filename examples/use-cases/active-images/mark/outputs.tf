output "active" {
  description = "Workloads of each active image, by the digest of the image."
  value       = { for digest, workloads in local.active : digest => sort(distinct(workloads)) }
}
