output "url" {
  description = "Address of the console and of REST."
  value       = module.environment.url
}

output "grpc_target" {
  description = "Address of gRPC, for the command line tool."
  value       = module.environment.grpc_target
}

output "region" {
  description = "AWS region."
  value       = module.environment.region
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = module.environment.cluster_name
}

output "namespace" {
  description = "Namespace that Stackyard is deployed to."
  value       = module.environment.namespace
}

output "image_prefix" {
  description = "Registry of the images."
  value       = module.environment.image_prefix
}

output "helm_values" {
  description = "Values of the Helm chart that follow from the environment, YAML."
  value       = module.environment.helm_values
}

output "add_ons" {
  description = "What scripts/cluster.sh needs to know, by add-on."
  value       = module.environment.add_ons
}

output "database" {
  description = "How scripts/databases.sh finds the database and its owner's password."
  value       = module.environment.database
}

output "projects" {
  description = "For the roles of projects: who may take them, and what they must be called."
  value       = module.environment.projects
}

output "nat_addresses" {
  description = "Public addresses that the environment is seen by from outside."
  value       = module.environment.nat_addresses
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to."
  value       = module.environment.alarm_topic_arn
}

output "validation_records" {
  description = "DNS records that prove the domain, where its zone is kept elsewhere."
  value       = module.environment.validation_records
}

output "grafana_url" {
  description = "Address of the managed Grafana; null without one."
  value       = module.environment.grafana_url
}
