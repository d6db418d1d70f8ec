mock_provider "aws" {
  source = "../mocks"
}

variables {
  name            = "stackyard-test"
  cluster_name    = "stackyard-test"
  key_arn         = "arn:aws:kms:eu-central-1:123456789012:key/1"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
  nat_gateway_ids = { eu-central-1a = "nat-1" }
  alarm_emails    = ["platform@example.com"]
  database        = { identifier = "stackyard-test", storage_gib = 100, memory_gib = 8 }
}

run "without_grafana" {
  assert {
    condition     = length(aws_grafana_workspace.this) == 0 && output.grafana_url == null
    error_message = "Grafana is made only where it is asked for."
  }
}

run "alarms" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.database["storage"].threshold == 5 * 1024 * 1024 * 1024
    error_message = "A twentieth of the storage is left when the alarm goes off."
  }
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.database), values(aws_cloudwatch_metric_alarm.nat), [aws_cloudwatch_metric_alarm.certificate]) :
      length(alarm.alarm_actions) == 1 && length(alarm.ok_actions) == 1 && length(alarm.alarm_description) > 20
    ])
    error_message = "Somebody is told when an alarm goes off and when it ends, and what it means."
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.key_arn && aws_prometheus_workspace.this.kms_key_arn == var.key_arn && aws_cloudwatch_log_group.services.kms_key_id == var.key_arn
    error_message = "Alarms, metrics and logs are encrypted."
  }
}

run "alerts" {
  assert {
    condition = (
      toset(flatten(data.aws_iam_policy_document.send_alerts.statement[*].actions))
      == toset(["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"])
      && !contains(flatten(data.aws_iam_policy_document.send_alerts.statement[*].resources), "*")
    )
    error_message = "Alertmanager sends to the topic of alarms, and may do no more."
  }
}

run "with_grafana" {
  variables {
    managed_grafana = true
  }
  assert {
    condition     = length(aws_grafana_workspace.this) == 1 && toset(aws_grafana_workspace.this[0].data_sources) == toset(["CLOUDWATCH", "PROMETHEUS"])
    error_message = "Grafana reads metrics and logs."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name            = "X"
    log_days        = 8
    cluster_name    = "-"
    namespace       = "X"
    key_arn         = "key"
    certificate_arn = "certificate"
    alarm_emails    = ["nobody"]
    database        = { identifier = "x", storage_gib = 5, memory_gib = 8 }
  }
  expect_failures = [
    var.name, var.log_days, var.cluster_name, var.namespace, var.key_arn, var.certificate_arn, var.alarm_emails,
    var.database,
  ]
}
