# What all environments share: the images, and the roles that GitHub's workflows take.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  github   = "token.actions.githubusercontent.com"
  provider = var.github_oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.github_oidc_provider_arn

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # Who may take which role: what runs on main pushes images; each environment of GitHub deploys to
  # its own (production's is approved by people); `drift` looks whether AWS is still as it was planned.
  roles = {
    push       = "repo:${var.github_repository}:ref:refs/heads/main"
    staging    = "repo:${var.github_repository}:environment:staging"
    production = "repo:${var.github_repository}:environment:production"
    drift      = "repo:${var.github_repository}:environment:drift"
  }

  # As terraform/bootstrap names them.
  state_bucket_arn = "arn:${local.partition}:s3:::stackyard-tfstate-${local.account}-${var.region}"
  # Which states a role may read.
  states = {
    staging    = ["staging"]
    production = ["production"]
    drift      = ["bootstrap", "global", "staging", "production"]
  }
}

data "aws_kms_alias" "state" {
  name = "alias/stackyard-tfstate"
}

resource "aws_ecr_repository" "this" {
  for_each = var.services

  name                 = "stackyard-${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What has no tag was never deployed"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 7
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Keep the newest"
        selection = {
          tagStatus   = "any"
          countType   = "imageCountMoreThan"
          countNumber = var.keep_images
        }
        action = { type = "expire" }
      },
    ]
  })
}

# Where environments have accounts of their own, these pull from here.
data "aws_iam_policy_document" "pull" {
  count = length(var.pull_accounts) > 0 ? 1 : 0

  statement {
    sid     = "Pull"
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "AWS"
      identifiers = [for account in var.pull_accounts : "arn:${local.partition}:iam::${account}:root"]
    }
  }
}

resource "aws_ecr_repository_policy" "pull" {
  for_each = length(var.pull_accounts) > 0 ? aws_ecr_repository.this : {}

  repository = each.value.name
  policy     = data.aws_iam_policy_document.pull[0].json
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.github}:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "stackyard-github-${each.key}"
  description          = "Taken by workflows of ${var.github_repository}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = 3600
}

data "aws_iam_policy_document" "push" {
  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PushAndRead"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
      "ecr:DescribeImages", "ecr:DescribeImageScanFindings", "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = [for repository in aws_ecr_repository.this : repository.arn]
  }
}

resource "aws_iam_role_policy" "push" {
  name   = "push-images"
  role   = aws_iam_role.github["push"].id
  policy = data.aws_iam_policy_document.push.json
}

# Its state is how a role learns what there is.
data "aws_iam_policy_document" "states" {
  for_each = local.states

  statement {
    sid       = "ReadStates"
    actions   = ["s3:GetObject"]
    resources = [for layer in each.value : "${local.state_bucket_arn}/${layer}/terraform.tfstate"]
  }

  statement {
    sid       = "FindStates"
    actions   = ["s3:ListBucket"]
    resources = [local.state_bucket_arn]
  }

  statement {
    sid       = "DecryptStates"
    actions   = ["kms:Decrypt"]
    resources = [data.aws_kms_alias.state.target_key_arn]
  }
}

resource "aws_iam_role_policy" "states" {
  for_each = local.states

  name   = "read-states"
  role   = aws_iam_role.github[each.key].id
  policy = data.aws_iam_policy_document.states[each.key].json
}

# A deployment finds the cluster and reads which images there are; what it may do in the cluster is
# said there, by an access entry of the environment.
data "aws_iam_policy_document" "deploy" {
  for_each = toset(["staging", "production"])

  statement {
    sid       = "FindTheCluster"
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:${local.partition}:eks:*:${local.account}:cluster/stackyard-${each.key}"]
  }

  statement {
    sid       = "ReadImages"
    actions   = ["ecr:BatchGetImage", "ecr:DescribeImages"]
    resources = [for repository in aws_ecr_repository.this : repository.arn]
  }
}

resource "aws_iam_role_policy" "deploy" {
  for_each = data.aws_iam_policy_document.deploy

  name   = "deploy"
  role   = aws_iam_role.github[each.key].id
  policy = each.value.json
}

# A plan reads all that there is. What the keys protect stays closed: AWS's policy decrypts nothing.
resource "aws_iam_role_policy_attachment" "drift" {
  role       = aws_iam_role.github["drift"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/ReadOnlyAccess"
}
