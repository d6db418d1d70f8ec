mock_provider "aws" {
  source = "../mocks"
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

run "restores" {
  assert {
    condition     = aws_db_instance.this.backup_retention_period == 14 && !aws_db_instance.this.delete_automated_backups
    error_message = "It can be restored to any second of a fortnight, also after it is gone."
  }
  assert {
    condition     = one([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "rds.force_ssl"]) == "1"
    error_message = "Nobody connects without TLS."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients["cluster"].from_port == 5432 && aws_vpc_security_group_ingress_rule.clients["cluster"].cidr_ipv4 == null
    error_message = "Only those who are named connect."
  }
}

run "thrown_away" {
  variables {
    deletion_protection = false
    multi_az            = false
  }
  assert {
    condition     = aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == null
    error_message = "What holds nothing of value can be deleted."
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
