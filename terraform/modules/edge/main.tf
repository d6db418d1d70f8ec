# What stands before the load balancer: the certificate of the domain, a firewall and a security group.
# The load balancer itself is made by the AWS Load Balancer Controller of the chart's Ingresses (HTTP at
# the domain, gRPC at `grpc.` before it), which name the three.

resource "aws_acm_certificate" "this" {
  domain_name               = var.domain
  subject_alternative_names = ["grpc.${var.domain}"]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = var.zone_id == null ? toset([]) : toset([var.domain, "grpc.${var.domain}"])

  zone_id         = var.zone_id
  allow_overwrite = true
  ttl             = 300

  name    = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_name if option.domain_name == each.key])
  type    = one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_type if option.domain_name == each.key])
  records = [one([for option in aws_acm_certificate.this.domain_validation_options : option.resource_record_value if option.domain_name == each.key])]
}

resource "aws_acm_certificate_validation" "this" {
  count = var.zone_id == null ? 0 : 1

  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_security_group" "this" {
  # checkov:skip=CKV2_AWS_5: the load balancer controller attaches it
  name        = "${var.name}-edge"
  description = "HTTPS to the load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = var.client_cidrs

  security_group_id = aws_security_group.this.id
  description       = "HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# To the pods, wherever they listen: their own security group says what it lets in.
resource "aws_vpc_security_group_egress_rule" "pods" {
  for_each = var.pod_cidrs

  security_group_id = aws_security_group.this.id
  description       = "Pods and their health checks"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 1024
  to_port           = 65535
}

resource "aws_wafv2_web_acl" "this" {
  # checkov:skip=CKV_AWS_192: AWSManagedRulesKnownBadInputsRuleSet is one of the rules below
  name        = var.name
  description = "Before the load balancer of ${var.name}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 0

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit              = var.requests_per_address
        aggregate_key_type = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = { AWSManagedRulesKnownBadInputsRuleSet = 1, AWSManagedRulesAmazonIpReputationList = 2 }

    content {
      name     = rule.key
      priority = rule.value

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

# Blocked and counted requests, without what they carry to prove who they are.
resource "aws_cloudwatch_log_group" "firewall" {
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.log_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }
      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}
