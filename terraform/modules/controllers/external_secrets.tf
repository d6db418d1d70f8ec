# Copies secrets of Secrets Manager into the cluster (External Secrets): those of this environment.

data "aws_iam_policy_document" "external_secrets" {
  statement {
    sid       = "Read"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = values(var.secret_arns)
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.secrets_key_arn]
  }
}

module "external_secrets" {
  source = "../workload_role"

  name            = "${var.cluster_name}-external-secrets"
  cluster_name    = var.cluster_name
  namespace       = "external-secrets"
  service_account = "external-secrets"
  policies        = { read = data.aws_iam_policy_document.external_secrets.json }
}
