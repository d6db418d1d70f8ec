mock_provider "aws" {
  source = "../mocks"
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

run "access" {
  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.access.statement : statement.sid != "Objects" || alltrue([for resource in statement.resources : endswith(resource, "/stackyard/*")])])
    error_message = "Objects of others in these buckets are closed."
  }
  assert {
    condition     = alltrue([for document in data.aws_iam_policy_document.bucket : one(document.statement[0].condition).variable == "aws:SecureTransport" && document.statement[0].effect == "Deny"])
    error_message = "Nobody comes without TLS."
  }
  assert {
    condition     = alltrue([for configuration in aws_s3_bucket_lifecycle_configuration.this : length(configuration.rule[0].expiration) == 0 || configuration.rule[0].expiration[0].days == null || configuration.rule[0].expiration[0].days == 0])
    error_message = "No rule deletes what is in force."
  }
  assert {
    condition     = output.urls.blobs == "s3://stackyard-test-blobs-123456789012-eu-central-1/stackyard/blobs?region=eu-central-1" && output.urls.blobs != output.urls.documents
    error_message = "Blobs and documents are two places."
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
