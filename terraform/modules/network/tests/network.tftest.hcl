mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:x" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/x" }
  }
}

variables {
  name               = "stackyard-test"
  cluster_name       = "stackyard-test"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "three_zones" {
  assert {
    condition     = length(aws_subnet.private) == 3 && length(aws_subnet.public) == 3 && length(aws_nat_gateway.this) == 3
    error_message = "Each zone has a private and a public subnet, and its own NAT gateway."
  }
  assert {
    condition     = aws_subnet.private["eu-central-1a"].cidr_block == "10.40.0.0/19" && aws_subnet.public["eu-central-1a"].cidr_block == "10.40.224.0/21"
    error_message = "Private subnets are /19, public ones /21, and they do not overlap."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3" && length(aws_vpc_endpoint.ecr) == 2
    error_message = "S3 and ECR are reached without NAT."
  }
}

run "one_nat_is_enough_for_little_money" {
  variables {
    nat_per_zone = false
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 3
    error_message = "All zones go out through one NAT gateway."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name               = "X"
    cidr_block         = "10.0.0.0/24"
    availability_zones = ["eu-central-1a"]
    flow_log_days      = 2
  }
  expect_failures = [var.name, var.cidr_block, var.availability_zones, var.flow_log_days]
}
