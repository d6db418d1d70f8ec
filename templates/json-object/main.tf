# Credentials and endpoints come from the environment.
provider "aws" {
  region = var.region

  default_tags {
    tags = {
      "stackyard:stack-uid" = var.stackyard_stack_uid
    }
  }
}

locals {
  # Bucket names are shared by the whole world; a hash keeps the part within S3's alphabet.
  bucket = "${var.name}-${substr(sha256(var.stackyard_stack_uid), 0, 16)}"
  key    = "${var.name}.json"

  # A string that holds JSON is stored as that JSON, in the same canonical form as a value.
  body = try(jsonencode(jsondecode(var.content)), jsonencode(var.content))
}

resource "aws_s3_bucket" "this" {
  bucket = local.bucket

  # The lease ends with the bucket gone, whatever has been put into it.
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_object" "this" {
  bucket       = aws_s3_bucket.this.id
  key          = local.key
  content      = local.body
  content_type = "application/json"

  # With AES256 the ETag is the MD5 of the content, so that a change made elsewhere is seen.
  etag = md5(local.body)

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}
