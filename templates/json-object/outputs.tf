output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id
}

output "key" {
  description = "Key of the object in the bucket."
  value       = aws_s3_object.this.key
}

output "url" {
  description = "Address of the object. It is private: requests must be signed."
  value       = "https://${aws_s3_bucket.this.bucket_regional_domain_name}/${aws_s3_object.this.key}"
}

output "etag" {
  description = "ETag of the object."
  value       = aws_s3_object.this.etag
}

output "version_id" {
  description = "Version of the object."
  value       = aws_s3_object.this.version_id
}
