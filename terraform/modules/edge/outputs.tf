output "certificate_arn" {
  description = "Certificate of the domain; usable once the domain is proven."
  value       = var.zone_id == null ? aws_acm_certificate.this.arn : aws_acm_certificate_validation.this[0].certificate_arn
}

output "web_acl_arn" {
  description = "Firewall of the load balancer."
  value       = aws_wafv2_web_acl.this.arn
}

output "validation_records" {
  description = "DNS records that prove the domain, for a zone that is kept elsewhere."
  value = [
    for option in aws_acm_certificate.this.domain_validation_options :
    { name = option.resource_record_name, type = option.resource_record_type, value = option.resource_record_value }
  ]
}

output "security_group_id" {
  description = "Security group of the load balancer."
  value       = aws_security_group.this.id
}
