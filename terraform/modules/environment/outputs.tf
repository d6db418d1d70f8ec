output "url" {
  description = "Address of the console and of REST."
  value       = module.app.url
}

output "grpc_target" {
  description = "Address of gRPC, for the command line tool."
  value       = module.app.grpc_target
}

output "region" {
  description = "AWS region."
  value       = data.aws_region.current.name
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.eks.name
}

output "namespace" {
  description = "Namespace that Stackyard is deployed to."
  value       = local.namespace
}

output "image_prefix" {
  description = "Registry of the images."
  value       = module.app.image_prefix
}

output "helm_values" {
  description = "Values of the Helm chart that follow from the environment, YAML."
  value       = module.app.values
}

output "add_ons" {
  description = "What scripts/cluster.sh needs to know, by add-on."
  value = {
    vpc_id              = module.network.vpc_id
    domain              = var.domain
    external_dns        = var.zone_id != null
    prometheus_endpoint = module.observability.prometheus_endpoint
    log_group           = module.observability.log_group
    alarm_topic         = module.observability.alarm_topic_arn
  }
}

output "database" {
  description = "How scripts/databases.sh finds the database and its owner's password."
  value = {
    address      = module.database.address
    port         = module.database.port
    owner_secret = module.database.password_secret_arn
    secrets      = module.secrets.database_secrets
  }
}

output "projects" {
  description = "For the roles of projects: who may take them, and what they must be called."
  value = {
    runner_role_arn = module.runner_role.arn
    role_arns       = local.project_roles
    oidc_provider   = module.eks.oidc_provider
    service_account = "system:serviceaccount:${local.namespace}:stackyard-runner"
  }
}

output "nat_addresses" {
  description = "Public addresses that the environment is seen by from outside."
  value       = values(module.network.nat_addresses)
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to."
  value       = module.observability.alarm_topic_arn
}

output "validation_records" {
  description = "DNS records that prove the domain, where its zone is kept elsewhere."
  value       = var.zone_id == null ? module.edge.validation_records : []
}

output "grafana_url" {
  description = "Address of the managed Grafana; null without one."
  value       = module.observability.grafana_url
}
