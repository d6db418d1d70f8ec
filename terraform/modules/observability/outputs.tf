output "prometheus_endpoint" {
  description = "Where Prometheus writes to (remote write: `api/v1/remote_write` below it), and Grafana reads from."
  value       = aws_prometheus_workspace.this.prometheus_endpoint
}

output "log_group" {
  description = "Log group of the services."
  value       = aws_cloudwatch_log_group.services.name
}

output "grafana_url" {
  description = "Address of the managed Grafana; null without one."
  value       = var.managed_grafana ? "https://${aws_grafana_workspace.this[0].endpoint}" : null
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}
