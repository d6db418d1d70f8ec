mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      bucket_regional_domain_name = "bucket.s3.us-east-1.amazonaws.com"
    }
  }
}

variables {
  name                = "settings"
  content             = { debug = true, hosts = ["a", "b"] }
  stackyard_stack_uid = "0123456789abcdef"
}

run "value" {
  assert {
    condition     = aws_s3_object.this.content == "{\"debug\":true,\"hosts\":[\"a\",\"b\"]}"
    error_message = "A value is stored as JSON."
  }
  assert {
    condition     = output.key == "settings.json" && output.etag == md5("{\"debug\":true,\"hosts\":[\"a\",\"b\"]}")
    error_message = "The outputs say which object it is."
  }
  assert {
    condition     = aws_s3_bucket.this.bucket == "settings-9f9f5111f7b27a78" && aws_s3_bucket.this.force_destroy
    error_message = "The bucket's name comes from the stack's uid, and the bucket goes with the stack."
  }
  assert {
    condition     = output.url == "https://bucket.s3.us-east-1.amazonaws.com/settings.json"
    error_message = "The URL names the bucket's host and the key."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing in the bucket can be made public."
  }
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Older versions of the object are kept."
  }
}

run "json_in_a_string" {
  command = plan
  variables {
    content = "{ \"debug\": true, \"hosts\": [\"a\", \"b\"] }"
  }
  assert {
    condition     = aws_s3_object.this.content == "{\"debug\":true,\"hosts\":[\"a\",\"b\"]}"
    error_message = "JSON in a string is stored as that JSON."
  }
}

run "plain_string" {
  command = plan
  variables {
    content = "hello"
  }
  assert {
    condition     = aws_s3_object.this.content == "\"hello\""
    error_message = "A string that is no JSON is stored as a JSON string."
  }
}

run "null" {
  command = plan
  variables {
    content = null
  }
  assert {
    condition     = aws_s3_object.this.content == "null"
    error_message = "Null is JSON too."
  }
}

run "another_stack_has_another_bucket" {
  command = plan
  variables {
    stackyard_stack_uid = "fedcba9876543210"
  }
  assert {
    condition     = aws_s3_bucket.this.bucket == "settings-3465f6e6975baa86"
    error_message = "Stacks of the same name do not share a bucket."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name                = "-"
    region              = "us_east_1"
    stackyard_stack_uid = ""
  }
  expect_failures = [var.name, var.region, var.stackyard_stack_uid]
}
