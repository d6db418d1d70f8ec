mock_provider "aws" {
  source = "../mocks"
}

variables {
  cluster_name    = "stackyard-test"
  vpc_id          = "vpc-1"
  secret_arns     = { gateway = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gateway" }
  secrets_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "without_zone" {
  assert {
    condition     = toset(keys(output.role_arns)) == toset(["autoscaler", "external_secrets", "load_balancers"])
    error_message = "Nobody makes records in a zone that is kept elsewhere."
  }
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.autoscaler.statement :
      one(statement.condition[*].variable) == "aws:ResourceTag/k8s.io/cluster-autoscaler/stackyard-test" if statement.sid != "Look"
    ])
    error_message = "The autoscaler sizes groups of its own cluster."
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.external_secrets.statement[0].resources) == toset(values(var.secret_arns))
    error_message = "The secrets of others are closed."
  }
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.load_balancers.statement :
      length(statement.condition) > 0 if contains(["Make", "ChangeItsOwn", "DeleteItsSecurityGroups", "SecurityGroupRules", "ServiceLinkedRole"], statement.sid)
    ])
    error_message = "The load balancer controller changes what has its cluster's tag."
  }
}

run "with_zone" {
  variables {
    zone_id = "Z0123456789ABCDEFGHIJ"
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.dns[0].statement[0].resources) == toset(["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"])
    error_message = "Records are made in one zone."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    cluster_name    = "-"
    vpc_id          = "network"
    secret_arns     = {}
    secrets_key_arn = "key"
    zone_id         = "example.com"
  }
  expect_failures = [var.cluster_name, var.vpc_id, var.secret_arns, var.secrets_key_arn, var.zone_id]
}
