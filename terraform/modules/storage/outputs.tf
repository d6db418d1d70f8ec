output "buckets" {
  description = "Names of the buckets: blobs, documents."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket }
}

output "access_policy" {
  description = "Policy, JSON, that lets a role read and write them."
  value       = data.aws_iam_policy_document.access.json
}

output "kms_key_arn" {
  description = "Key that objects are encrypted with."
  value       = aws_kms_key.this.arn
}
