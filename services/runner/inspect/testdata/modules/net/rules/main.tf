resource "aws_security_group" "this" {
  provisioner "file" {}
}

data "aws_region" "here" {}

ephemeral "random_password" "one" {}

module "up" {
  source = "../"
}
