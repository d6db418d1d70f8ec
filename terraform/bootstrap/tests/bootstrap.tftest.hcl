mock_provider "aws" {
  source          = "../modules/mocks"
  override_during = plan
}

run "state_bucket" {
  # It cannot be destroyed, not even by the end of a test.
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "stackyard-tfstate-123456789012-eu-central-1"
    error_message = "Its name follows from account and region, as scripts/tf-lib.sh has it."
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_public_access_block.state.restrict_public_buckets && aws_s3_bucket_public_access_block.state.block_public_policy
    error_message = "Old states can be brought back, and nothing is public."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "States are encrypted with their own key."
  }
  assert {
    condition     = data.aws_iam_policy_document.state.statement[0].effect == "Deny" && one(data.aws_iam_policy_document.state.statement[0].condition).variable == "aws:SecureTransport"
    error_message = "Nobody comes without TLS."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    region = "Frankfurt"
  }
  expect_failures = [var.region]
}
