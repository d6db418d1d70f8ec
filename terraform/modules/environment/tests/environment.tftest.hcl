mock_provider "aws" {
  source = "../mocks"
}

variables {
  name                = "test"
  availability_zones  = ["eu-central-1a", "eu-central-1b"]
  cidr_block          = "10.40.0.0/16"
  domain              = "stackyard.example.com"
  kubernetes_version  = "1.33"
  general_nodes       = { instance_types = ["m7i.large"], min_size = 2, max_size = 4 }
  runner_nodes        = { instance_types = ["m7i.large"], min_size = 0, max_size = 4 }
  observability_nodes = { instance_types = ["m7i.large"], min_size = 1, max_size = 2 }
  runners             = { min = 1, max = 4 }
  database            = { instance_class = "db.t4g.small", memory_gib = 2 }
}

run "wired" {
  assert {
    condition     = toset(data.aws_iam_policy_document.runner.statement[0].resources) == toset(["arn:aws:iam::123456789012:role/stackyard/projects/*"]) && toset(data.aws_iam_policy_document.runner.statement[0].actions) == toset(["sts:AssumeRole", "sts:TagSession"])
    error_message = "Runners may become the roles of projects, and nobody else."
  }
  assert {
    condition     = yamldecode(output.helm_values).image.prefix == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    error_message = "Images come from this account's own registry."
  }
  assert {
    condition     = yamldecode(output.helm_values).gateway.trustedProxies == ["10.40.224.0/21", "10.40.232.0/21"] && yamldecode(output.helm_values).networkPolicy.databaseCidrs == ["10.40.192.0/21", "10.40.200.0/21"]
    error_message = "The load balancer's subnets are believed, and the database is in the isolated ones."
  }
  assert {
    condition     = yamldecode(output.helm_values).networkPolicy.apiServerCidrs == ["10.40.0.0/16", "172.20.0.0/16"] && yamldecode(output.helm_values).stacks.podAnnotations["stackyard.dev/password-version"] == "1"
    error_message = "The cluster's own addresses and the passwords' version reach the chart."
  }
  assert {
    condition     = yamldecode(output.helm_values).storage.s3.blobs == "s3://stackyard-test-blobs-123456789012-eu-central-1/stackyard/blobs?region=eu-central-1"
    error_message = "Blobs are in the environment's bucket."
  }
  assert {
    condition     = output.url == "https://stackyard.example.com" && length(output.validation_records) == 2
    error_message = "The outputs tell where it is, and what the zone's keeper must do."
  }
}

run "projects_elsewhere" {
  command = plan
  variables {
    project_accounts = ["210987654321"]
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.runner.statement[0].resources) == toset(["arn:aws:iam::210987654321:role/stackyard/projects/*"])
    error_message = "Runs take roles in the accounts that are named, and in no other."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name              = "Staging"
    project_accounts  = ["all"]
    project_role_path = "/"
  }
  expect_failures = [var.name, var.project_accounts, var.project_role_path]
}
