# Where metrics and logs go: Prometheus in the cluster writes to a managed workspace, a forwarder
# writes logs to CloudWatch, and Grafana reads both. Alarms of what is outside of the cluster are in
# alarms.tf.

resource "aws_prometheus_workspace" "this" {
  alias       = var.name
  kms_key_arn = var.key_arn
}

resource "aws_cloudwatch_log_group" "services" {
  name              = "/stackyard/${var.name}/services"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

data "aws_iam_policy_document" "write_metrics" {
  statement {
    actions   = ["aps:RemoteWrite"]
    resources = [aws_prometheus_workspace.this.arn]
  }
}

data "aws_iam_policy_document" "write_logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.services.arn}:*"]
  }
}

module "prometheus_role" {
  source = "../workload_role"

  name            = "${var.name}-prometheus"
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = "prometheus"
  policies        = { write = data.aws_iam_policy_document.write_metrics.json }
}

module "logs_role" {
  source = "../workload_role"

  name            = "${var.name}-logs"
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = "fluent-bit"
  policies        = { write = data.aws_iam_policy_document.write_logs.json }
}

data "aws_iam_policy_document" "grafana_trust" {
  count = var.managed_grafana ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["grafana.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "grafana" {
  count = var.managed_grafana ? 1 : 0

  statement {
    sid       = "Metrics"
    actions   = ["aps:DescribeWorkspace", "aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"]
    resources = [aws_prometheus_workspace.this.arn]
  }

  statement {
    sid       = "FindWorkspaces"
    actions   = ["aps:ListWorkspaces"]
    resources = ["*"]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery"]
    resources = [aws_cloudwatch_log_group.services.arn, "${aws_cloudwatch_log_group.services.arn}:*"]
  }
}

resource "aws_iam_role" "grafana" {
  count = var.managed_grafana ? 1 : 0

  name               = "${var.name}-grafana"
  assume_role_policy = data.aws_iam_policy_document.grafana_trust[0].json
}

resource "aws_iam_role_policy" "grafana" {
  count = var.managed_grafana ? 1 : 0

  name   = "read"
  role   = aws_iam_role.grafana[0].id
  policy = data.aws_iam_policy_document.grafana[0].json
}

resource "aws_grafana_workspace" "this" {
  count = var.managed_grafana ? 1 : 0

  name                     = var.name
  account_access_type      = "CURRENT_ACCOUNT"
  authentication_providers = ["AWS_SSO"]
  permission_type          = "SERVICE_MANAGED"
  role_arn                 = aws_iam_role.grafana[0].arn
  data_sources             = ["CLOUDWATCH", "PROMETHEUS"]
}
