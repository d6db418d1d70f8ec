# Production: three zones, any of which may fail, and nothing that is deleted by mistake.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

module "environment" {
  source = "../modules/environment"

  name               = "production"
  cidr_block         = "10.41.0.0/16"
  availability_zones = ["${var.region}a", "${var.region}b", "${var.region}c"]
  durable            = true
  kubernetes_version = "1.33"
  nat_per_zone       = true

  general_nodes       = { instance_types = ["m7i.large", "m6i.large"], min_size = 3, max_size = 9 }
  runner_nodes        = { instance_types = ["m7i.xlarge", "m6i.xlarge"], min_size = 1, max_size = 20 }
  observability_nodes = { instance_types = ["m7i.large", "m6i.large"], min_size = 2, max_size = 4 }
  runners             = { min = 2, max = 40 }

  database = {
    instance_class = "db.m7g.large"
    memory_gib     = 8
    storage_gib    = 100
    multi_az       = true
    backup_days    = 35
  }

  domain              = var.domain
  zone_id             = var.zone_id
  admin_role_arns     = var.admin_role_arns
  deployer_role_arns  = { github = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/stackyard-github-production" }
  public_access_cidrs = var.public_access_cidrs
  client_cidrs        = var.client_cidrs
  project_accounts    = var.project_accounts
  alarm_emails        = var.alarm_emails
  image_prefix        = var.image_prefix
  image_tag           = var.image_tag
}
