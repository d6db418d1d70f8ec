output "role_arns" {
  description = "Roles by what takes them."
  value = merge({
    autoscaler       = module.autoscaler.arn
    external_secrets = module.external_secrets.arn
    load_balancers   = module.load_balancers.arn
  }, var.zone_id == null ? {} : { dns = module.dns[0].arn })
}
