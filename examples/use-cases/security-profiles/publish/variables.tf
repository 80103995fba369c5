variable "image" {
  description = "Image that the profiles are for."
  type        = string
}

variable "seccomp_profile" {
  description = "Path of the seccomp profile, in the format of Docker and Kubernetes."
  type        = string
}

variable "apparmor_profile" {
  description = "Path of the AppArmor profile, if there is one."
  type        = string
  default     = null
}
