mock_provider "aws" {
  source = "../mocks"
}

variables {
  name        = "stackyard-test"
  domain      = "stackyard.example.com"
  vpc_id      = "vpc-1"
  pod_cidrs   = ["10.40.0.0/19"]
  log_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "firewall_and_zone_kept_elsewhere" {
  assert {
    condition     = length(aws_route53_record.validation) == 0 && length(output.validation_records) == 2
    error_message = "Who keeps the zone is told which records to make."
  }
  assert {
    condition     = toset([for rule in aws_wafv2_web_acl.this.rule : rule.name]) == toset(["rate", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAmazonIpReputationList"])
    error_message = "Rates, known attacks and known attackers are looked at."
  }
  assert {
    condition     = toset([for field in aws_wafv2_web_acl_logging_configuration.this.redacted_fields : field.single_header[0].name]) == toset(["authorization", "cookie"])
    error_message = "Tokens are not logged."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.https : rule.from_port == 443 && rule.to_port == 443])
    error_message = "Nothing but HTTPS is let in."
  }
}

run "own_zone" {
  variables {
    zone_id = "Z0123456789ABCDEFGHIJ"
  }
  assert {
    condition     = length(aws_route53_record.validation) == 2 && length(aws_acm_certificate_validation.this) == 1
    error_message = "The domain is proven by records in the zone."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name                 = "x"
    domain               = "https://stackyard"
    requests_per_address = 1
    zone_id              = "example.com"
    vpc_id               = "network"
    client_cidrs         = []
    pod_cidrs            = ["0.0.0.0/0"]
    log_key_arn          = "key"
    log_days             = 8
  }
  expect_failures = [
    var.name, var.domain, var.requests_per_address, var.zone_id, var.vpc_id, var.client_cidrs, var.pod_cidrs,
    var.log_key_arn, var.log_days,
  ]
}
