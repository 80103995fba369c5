variable "image" {
  description = "Image to deploy, by tag or digest."
  type        = string
}

variable "scanners" {
  description = "Scanners whose reports are required."
  type        = set(string)
  default     = ["trivy"]

  validation {
    condition     = length(var.scanners) > 0 && length(setsubtract(var.scanners, ["trivy", "grype"])) == 0
    error_message = "Require trivy, grype or both."
  }
}

variable "max_age_days" {
  description = "How many days old a report may be."
  type        = number
  default     = 7
}

variable "blocking" {
  description = "Severities that block the deployment where there is a fix."
  type        = set(string)
  default     = ["CRITICAL"]
}

variable "now" {
  description = "The time at which the age of reports is judged (RFC 3339). By default, the time of the plan."
  type        = string
  default     = null
}
