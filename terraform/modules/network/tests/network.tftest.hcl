mock_provider "aws" {
  source = "../mocks"
}

variables {
  name               = "stackyard-test"
  cluster_name       = "stackyard-test"
  availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  log_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/1"
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
    condition     = aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3" && toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "sts"])
    error_message = "S3, images, logs and roles are reached without NAT."
  }
  assert {
    condition     = length(aws_subnet.isolated) == 3 && aws_subnet.isolated["eu-central-1a"].cidr_block == "10.40.192.0/21"
    error_message = "Each zone has an isolated subnet that overlaps with no other."
  }
  assert {
    condition     = length([for route in concat(values(aws_route.private), [aws_route.public]) : route if route.route_table_id == aws_route_table.isolated.id]) == 0
    error_message = "No route leads out of isolated subnets."
  }
  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : subnet.map_public_ip_on_launch != true])
    error_message = "Nothing gets a public address by itself."
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.log_key_arn
    error_message = "All traffic is logged, and the log is encrypted."
  }
  assert {
    condition     = length(coalesce(aws_default_security_group.this.ingress, [])) == 0 && length(coalesce(aws_default_security_group.this.egress, [])) == 0
    error_message = "The default security group lets nothing through."
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
    name                = "X"
    cidr_block          = "10.0.0.0/24"
    availability_zones  = ["eu-central-1a"]
    flow_log_days       = 2
    cluster_name        = "-"
    interface_endpoints = ["s3"]
    log_key_arn         = "alias/logs"
  }
  expect_failures = [var.name, var.cidr_block, var.availability_zones, var.flow_log_days, var.cluster_name, var.interface_endpoints, var.log_key_arn]
}
