terraform {
  backend "http" {} # The pipeline's TF_HTTP_… variables say where.
}
