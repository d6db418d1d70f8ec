output "buckets" {
  description = "Names of the buckets: blobs, documents."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket }
}

output "urls" {
  description = "The buckets as the stacks service is told of them: blobs, documents."
  value = {
    for name, bucket in aws_s3_bucket.this :
    name => "s3://${bucket.bucket}/stackyard/${name}?region=${data.aws_region.current.name}"
  }
}

output "access_policy" {
  description = "Policy, JSON, that lets a role read and write them."
  value       = data.aws_iam_policy_document.access.json
}

output "kms_key_arn" {
  description = "Key that objects are encrypted with."
  value       = module.key.arn
}
