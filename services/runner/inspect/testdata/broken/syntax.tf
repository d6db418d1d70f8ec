resource "terraform_data" "kept" {}

variable "unfinished" {
  type = string
