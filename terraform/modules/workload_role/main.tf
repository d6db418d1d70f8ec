# A role that the pods of one service account take: by EKS pod identity, or by IRSA where the
# cluster's OIDC provider is named.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = var.oidc_provider == null ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = var.oidc_provider == null ? "Service" : "Federated"
      identifiers = [var.oidc_provider == null ? "pods.eks.amazonaws.com" : var.oidc_provider.arn]
    }

    dynamic "condition" {
      for_each = var.oidc_provider == null ? {} : {
        aud = "sts.amazonaws.com"
        sub = "system:serviceaccount:${var.namespace}:${var.service_account}"
      }

      content {
        test     = "StringEquals"
        variable = "${replace(var.oidc_provider.url, "https://", "")}:${condition.key}"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  description        = "Taken by pods of ${var.namespace}/${var.service_account}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  for_each = var.policies

  name   = each.key
  role   = aws_iam_role.this.id
  policy = each.value
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = var.managed_policy_arns

  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_eks_pod_identity_association" "this" {
  count = var.oidc_provider == null ? 1 : 0

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
}
