mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
}

variables {
  name = "stackyard-test"
}

run "defaults" {
  assert {
    condition     = aws_s3_bucket.this["blobs"].bucket == "stackyard-test-blobs-123456789012-eu-central-1"
    error_message = "Names are unique by account and region."
  }
  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_policy && block.restrict_public_buckets])
    error_message = "Nothing is public: public documents are served by the gateway."
  }
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"]) && !aws_s3_bucket.this["blobs"].force_destroy
    error_message = "What is deleted by mistake can be brought back."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name             = "a-name-that-is-much-too-long-for-it"
    old_version_days = 0
  }
  expect_failures = [var.name, var.old_version_days]
}
