output "bucket" {
  description = "Name of the state bucket."
  value       = aws_s3_bucket.state.bucket
}

output "kms_key_arn" {
  description = "Key that states are encrypted with."
  value       = module.key.arn
}

output "region" {
  description = "Region of the state bucket."
  value       = var.region
}
