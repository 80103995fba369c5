variable "image" {
  description = "Image to run, by tag or digest."
  type        = string
}

variable "required" {
  description = "Profiles without which the image is refused: seccomp, apparmor or both."
  type        = set(string)
  default     = ["seccomp"]

  validation {
    condition     = length(setsubtract(var.required, ["seccomp", "apparmor"])) == 0
    error_message = "Only the profiles seccomp and apparmor are known."
  }
}
