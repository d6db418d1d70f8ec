mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/x" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
}

variables {
  name                      = "stackyard-test"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = { cluster = "sg-1" }
  instance_class            = "db.t4g.medium"
}

run "defaults" {
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database outlives a zone, is encrypted and cannot be reached from outside."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "No state holds the password."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && aws_db_instance.this.final_snapshot_identifier == "stackyard-test-last"
    error_message = "It is not deleted by mistake."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name           = "Shop"
    subnet_ids     = ["subnet-1"]
    instance_class = "large"
    storage_gib    = 5
    backup_days    = 0
  }
  expect_failures = [var.name, var.subnet_ids, var.instance_class, var.storage_gib, var.backup_days]
}
