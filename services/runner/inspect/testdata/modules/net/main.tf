terraform {
  required_version = ">= 1.3"
  backend "local" {}
}

variable "not_the_roots" {}

resource "aws_vpc" "this" {
  provisioner "local-exec" {
    command = "id"
  }
}

module "rules" {
  source = "./rules"
}

output "not_the_roots" {
  value = 1
}
