# One environment: its network, cluster, database, buckets and edge, and the values of the Helm chart
# that follow from them. Staging and production are this module with different numbers.

locals {
  name      = "stackyard-${var.name}"
  namespace = "stackyard"
}

module "network" {
  source = "../network"

  name               = local.name
  cluster_name       = local.name
  cidr_block         = var.cidr_block
  availability_zones = var.availability_zones
  nat_per_zone       = var.nat_per_zone
}

module "eks" {
  source = "../eks"

  name                = local.name
  kubernetes_version  = var.kubernetes_version
  vpc_id              = module.network.vpc_id
  subnet_ids          = values(module.network.private_subnet_ids)
  public_access_cidrs = var.public_access_cidrs
  admin_role_arns     = var.admin_role_arns
  deployer_role_arns  = var.deployer_role_arns
  namespace           = local.namespace

  node_groups = merge(var.node_groups, {
    general       = var.general_nodes
    runners       = merge(var.runner_nodes, { disk_gib = 100, taint = "stackyard.dev/group=runners" })
    observability = merge(var.observability_nodes, { taint = "stackyard.dev/group=observability" })
  })
}

module "database" {
  source = "../database"

  name                      = local.name
  vpc_id                    = module.network.vpc_id
  subnet_ids                = values(module.network.private_subnet_ids)
  client_security_group_ids = { cluster = module.eks.security_group_id }
  instance_class            = var.database.instance_class
  storage_gib               = var.database.storage_gib
  multi_az                  = var.database.multi_az
  backup_days               = var.database.backup_days
  deletion_protection       = var.durable
}

module "storage" {
  source = "../storage"

  name          = local.name
  force_destroy = !var.durable
}

module "edge" {
  source = "../edge"

  name    = local.name
  domain  = var.domain
  zone_id = var.zone_id
}

module "observability" {
  source = "../observability"

  name            = local.name
  cluster_name    = module.eks.name
  managed_grafana = var.managed_grafana
}

# Only the stacks service reads and writes blobs; runners go through it, and take the roles of the
# projects that they run for.
module "stacks_role" {
  source = "../workload_role"

  name            = "${local.name}-stacks"
  cluster_name    = module.eks.name
  namespace       = local.namespace
  service_account = "stackyard-stacks"
  policies        = { storage = module.storage.access_policy }
}
