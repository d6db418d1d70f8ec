mock_provider "aws" {
  source = "../modules/mocks"
}

variables {
  github_repository = "example/stackyard"
}

run "images" {
  assert {
    condition     = toset([for repository in aws_ecr_repository.this : repository.name]) == toset(["stackyard-gateway", "stackyard-rest", "stackyard-stacks", "stackyard-quota", "stackyard-runner", "stackyard-cli"])
    error_message = "Each image has a repository, named as the chart asks for it."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && repository.image_scanning_configuration[0].scan_on_push])
    error_message = "A tag never moves, and what is pushed is scanned."
  }
  assert {
    condition     = length(aws_ecr_repository_policy.pull) == 0
    error_message = "Other accounts pull nothing."
  }
}

run "roles" {
  assert {
    condition = alltrue([
      for name, document in data.aws_iam_policy_document.trust : alltrue([
        for condition in document.statement[0].condition : condition.test == "StringEquals" && !strcontains(join("", condition.values), "*")
      ]) && length(document.statement[0].condition) == 2
    ])
    error_message = "Each role is taken by one subject, named in full."
  }
  assert {
    condition     = contains([for condition in data.aws_iam_policy_document.trust["production"].statement[0].condition : one(condition.values)], "repo:example/stackyard:environment:production")
    error_message = "Production is deployed to from the environment that people approve."
  }
  assert {
    condition     = toset([for statement in data.aws_iam_policy_document.states["staging"].statement : one(statement.resources) if statement.sid == "ReadStates"]) == toset(["arn:aws:s3:::stackyard-tfstate-123456789012-eu-central-1/staging/terraform.tfstate"])
    error_message = "Staging's role reads the state of staging alone."
  }
  assert {
    condition     = !contains(flatten([for document in concat(values(data.aws_iam_policy_document.deploy), values(data.aws_iam_policy_document.states), [data.aws_iam_policy_document.push]) : [for statement in document.statement : statement.actions]]), "*")
    error_message = "No role may do everything."
  }
}

run "shared" {
  variables {
    pull_accounts            = ["210987654321"]
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }
  assert {
    condition     = length(aws_ecr_repository_policy.pull) == 6 && length(aws_iam_openid_connect_provider.github) == 0
    error_message = "Other accounts pull, and the provider that is there is used."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    region                   = "Frankfurt"
    services                 = ["Gateway"]
    github_repository        = "stackyard"
    github_oidc_provider_arn = "github"
    keep_images              = 3
    pull_accounts            = ["all"]
  }
  expect_failures = [
    var.region, var.services, var.github_repository, var.github_oidc_provider_arn, var.keep_images,
    var.pull_accounts,
  ]
}
