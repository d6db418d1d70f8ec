module "net" {
  source = "./net"
}

module "net_again" {
  source = "./net/"
}

module "registry" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.0"
}

module "git" {
  source = "git::https://example.org/x.git//sub?ref=v1"
}

module "loop" {
  source = "./loop"
}

module "outside" {
  source = "../types"
}

module "missing" {
  source = "./missing"
}

module "computed" {
  source = var.where
}

check "health" {
  data "http" "page" {
    url = "https://example.org"
  }
}

removed {
  from = aws_instance.old
  lifecycle {
    destroy = true
  }
  provisioner "local-exec" {
    when    = destroy
    command = "id"
  }
}
