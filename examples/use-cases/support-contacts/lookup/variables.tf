variable "image" {
  description = "Image that runs, by tag or digest."
  type        = string
}
