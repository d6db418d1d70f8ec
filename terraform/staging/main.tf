# Staging: production's parts in small sizes. What is in it may be lost.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

module "environment" {
  source = "../modules/environment"

  name               = "staging"
  cidr_block         = "10.40.0.0/16"
  availability_zones = ["${var.region}a", "${var.region}b"]
  durable            = false
  kubernetes_version = "1.33"

  # One NAT gateway, and all calls of AWS through it.
  nat_per_zone        = false
  interface_endpoints = []

  general_nodes = { instance_types = ["t3.large", "t3a.large"], min_size = 2, max_size = 4 }
  # On demand: spot nodes are gone after two minutes, and runs take longer.
  runner_nodes        = { instance_types = ["t3.large", "t3a.large"], min_size = 1, max_size = 4 }
  observability_nodes = { instance_types = ["t3.large", "t3a.large"], min_size = 1, max_size = 2 }
  runners             = { min = 1, max = 4 }

  database = {
    instance_class = "db.t4g.small"
    memory_gib     = 2
    storage_gib    = 20
    multi_az       = false
    backup_days    = 7
  }

  domain              = var.domain
  zone_id             = var.zone_id
  admin_role_arns     = var.admin_role_arns
  deployer_role_arns  = { github = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/stackyard-github-staging" }
  public_access_cidrs = var.public_access_cidrs
  client_cidrs        = var.client_cidrs
  project_accounts    = var.project_accounts
  alarm_emails        = var.alarm_emails
  image_prefix        = var.image_prefix
  image_tag           = var.image_tag
}
