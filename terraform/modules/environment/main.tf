# One environment: its network, cluster, database, buckets and edge, and the values of the Helm chart
# that follow from them. Staging and production are this module with different numbers.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name      = "stackyard-${var.name}"
  namespace = "stackyard"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # Runs may do what the roles of their projects may do, and these have names of their own.
  project_roles = [
    for account in coalescelist(var.project_accounts, [local.account]) :
    "arn:${local.partition}:iam::${account}:role${var.project_role_path}*"
  ]
}

# One key for what is watched: logs, metrics and alarms.
module "logs_key" {
  source = "../kms_key"

  alias       = "${local.name}-logs"
  description = "Logs, metrics and alarms of ${local.name}"
  log_groups  = true
  services    = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"]
}

module "network" {
  source = "../network"

  name                = local.name
  cluster_name        = local.name
  cidr_block          = var.cidr_block
  availability_zones  = var.availability_zones
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  log_key_arn         = module.logs_key.arn
}

module "eks" {
  source = "../eks"

  name                = local.name
  kubernetes_version  = var.kubernetes_version
  subnet_ids          = values(module.network.private_subnet_ids)
  public_access_cidrs = var.public_access_cidrs
  admin_role_arns     = var.admin_role_arns
  deployer_role_arns  = var.deployer_role_arns
  log_key_arn         = module.logs_key.arn

  node_groups = {
    general       = var.general_nodes
    runners       = merge(var.runner_nodes, { disk_gib = 100, taint = "stackyard.dev/group=runners" })
    observability = merge(var.observability_nodes, { taint = "stackyard.dev/group=observability" })
  }
}

module "database" {
  source = "../database"

  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = values(module.network.isolated_subnet_ids)
  client_security_group_ids = { cluster = module.eks.security_group_id }
  instance_class            = var.database.instance_class
  storage_gib               = var.database.storage_gib
  multi_az                  = var.database.multi_az
  backup_days               = var.database.backup_days
  deletion_protection       = var.durable
}

module "secrets" {
  source = "../secrets"

  name             = local.name
  address          = module.database.address
  port             = module.database.port
  kms_key_arn      = module.database.kms_key_arn
  password_version = var.database.password_version
  recovery_days    = var.durable ? 30 : 0
}

module "storage" {
  source = "../storage"

  name          = local.name
  force_destroy = !var.durable
}

module "edge" {
  source = "../edge"

  name         = local.name
  vpc_id       = module.network.vpc_id
  domain       = var.domain
  zone_id      = var.zone_id
  client_cidrs = var.client_cidrs
  pod_cidrs    = values(module.network.private_cidr_blocks)
  log_key_arn  = module.logs_key.arn
}

module "observability" {
  source = "../observability"

  name            = local.name
  cluster_name    = module.eks.name
  key_arn         = module.logs_key.arn
  alarm_emails    = var.alarm_emails
  managed_grafana = var.managed_grafana
  certificate_arn = module.edge.certificate_arn
  nat_gateway_ids = module.network.nat_gateway_ids

  database = {
    identifier  = module.database.identifier
    storage_gib = var.database.storage_gib
    memory_gib  = var.database.memory_gib
  }
}

module "controllers" {
  source = "../controllers"

  cluster_name    = module.eks.name
  vpc_id          = module.network.vpc_id
  zone_id         = var.zone_id
  secrets_key_arn = module.database.kms_key_arn
  secret_arns     = merge(module.secrets.arns, { owner = module.database.password_secret_arn })
}

# ---- Roles of the services -------------------------------------------------------------------

# Only the stacks service reads and writes blobs; runners go through it.
module "stacks_role" {
  source = "../workload_role"

  name            = "${local.name}-stacks"
  cluster_name    = module.eks.name
  namespace       = local.namespace
  service_account = "stackyard-stacks"
  policies        = { storage = module.storage.access_policy }
}

data "aws_iam_policy_document" "runner" {
  statement {
    sid       = "BecomeProjects"
    actions   = ["sts:AssumeRole", "sts:TagSession"]
    resources = local.project_roles
  }
}

module "runner_role" {
  source = "../workload_role"

  name            = "${local.name}-runner"
  cluster_name    = module.eks.name
  namespace       = local.namespace
  service_account = "stackyard-runner"
  policies        = { projects = data.aws_iam_policy_document.runner.json }
}

# ---- The chart -------------------------------------------------------------------------------

module "app" {
  source = "../app"

  name              = local.name
  image_prefix      = coalesce(var.image_prefix, "${local.account}.dkr.ecr.${data.aws_region.current.name}.amazonaws.com")
  image_tag         = var.image_tag
  domain            = var.domain
  certificate_arn   = module.edge.certificate_arn
  web_acl_arn       = module.edge.web_acl_arn
  security_group_id = module.edge.security_group_id
  durable           = var.durable
  proxy_cidrs       = values(module.network.public_cidr_blocks)
  network_cidr      = module.network.cidr_block
  service_cidr      = module.eks.service_cidr
  isolated_cidrs    = values(module.network.isolated_cidr_blocks)
  runners           = var.runners
  bucket_urls       = module.storage.urls
  database_secrets  = module.secrets.database_secrets
  password_version  = var.database.password_version
  seal_secret       = module.secrets.seal_secret
  session_secret    = module.secrets.session_secret

  runner_node_labels = { "stackyard.dev/group" = "runners" }
}
