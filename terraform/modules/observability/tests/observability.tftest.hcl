mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/x" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:x" }
  }
  mock_resource "aws_prometheus_workspace" {
    defaults = { arn = "arn:aws:aps:eu-central-1:123456789012:workspace/ws-1" }
  }
}

variables {
  name         = "stackyard-test"
  cluster_name = "stackyard-test"
}

run "without_grafana" {
  assert {
    condition     = length(aws_grafana_workspace.this) == 0 && output.grafana_url == null
    error_message = "Grafana is made only where it is asked for."
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
    name     = "X"
    log_days = 8
  }
  expect_failures = [var.name, var.log_days]
}
