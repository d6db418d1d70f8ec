provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
  s3_use_path_style           = true
}

resource "aws_s3_bucket" "gone" {
  bucket = "drifting-gone"
}

resource "aws_sqs_queue" "drifting" {
  name = "drifting"
}

# Known and unknown attributes side by side, and one that only the schema says is secret.
resource "aws_ebs_volume" "known" {
  availability_zone = "eu-west-1a"
  size              = 12
}

resource "aws_ssm_parameter" "secret" {
  name  = "/a/b"
  type  = "SecureString"
  value = "schema-secret-value"
}
