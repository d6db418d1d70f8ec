mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
      domain_validation_options = [
        { domain_name = "stackyard.example.com", resource_record_name = "_a.stackyard.example.com.", resource_record_type = "CNAME", resource_record_value = "_b.acm-validations.aws." },
        { domain_name = "grpc.stackyard.example.com", resource_record_name = "_c.grpc.stackyard.example.com.", resource_record_type = "CNAME", resource_record_value = "_d.acm-validations.aws." },
      ]
    }
  }
}

variables {
  name   = "stackyard-test"
  domain = "stackyard.example.com"
}

run "zone_kept_elsewhere" {
  assert {
    condition     = length(aws_route53_record.validation) == 0 && length(output.validation_records) == 2
    error_message = "Who keeps the zone is told which records to make."
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
  }
  expect_failures = [var.name, var.domain, var.requests_per_address]
}
