# Credentials and endpoints come from the environment.
provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = {
    Name                  = var.name
    "stackyard:stack-uid" = var.stackyard_stack_uid
  }
}

data "aws_partition" "current" {}

resource "aws_kms_key" "secrets" {
  count = var.encrypt_secrets ? 1 : 0

  description             = "Kubernetes secrets of ${var.name}, stack ${var.stackyard_stack_uid}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
}

resource "aws_eks_cluster" "this" {
  name     = var.name
  role_arn = aws_iam_role.cluster.arn
  version  = var.kubernetes_version

  vpc_config {
    subnet_ids              = concat(aws_subnet.public[*].id, aws_subnet.private[*].id)
    endpoint_private_access = true
    endpoint_public_access  = length(var.api_cidr_blocks) > 0
    public_access_cidrs     = length(var.api_cidr_blocks) > 0 ? var.api_cidr_blocks : null
  }

  # Entries for IAM roles and users need it; who has none does with what EKS does by itself.
  dynamic "access_config" {
    for_each = length(var.administrator_arns) > 0 ? [1] : []

    content {
      authentication_mode = "API_AND_CONFIG_MAP"
    }
  }

  dynamic "encryption_config" {
    for_each = aws_kms_key.secrets

    content {
      resources = ["secrets"]
      provider {
        key_arn = encryption_config.value.arn
      }
    }
  }

  # Without them EKS cannot take away what it made, when the cluster is destroyed.
  depends_on = [aws_iam_role_policy_attachment.cluster]
}

resource "aws_eks_access_entry" "administrator" {
  for_each = var.administrator_arns

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value
}

resource "aws_eks_access_policy_association" "administrator" {
  for_each = aws_eks_access_entry.administrator

  cluster_name  = each.value.cluster_name
  principal_arn = each.value.principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}
