mock_provider "aws" {
  source = "../mocks"
}

variables {
  name        = "stackyard-test"
  address     = "db.example.com"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "no_state_holds_them" {
  assert {
    condition     = alltrue([for version in concat(values(aws_secretsmanager_secret_version.database), [aws_secretsmanager_secret_version.seal, aws_secretsmanager_secret_version.session]) : version.secret_string == null || version.secret_string == ""])
    error_message = "Passwords and keys are written, and never read again."
  }
  assert {
    condition     = alltrue([for secret in concat(values(aws_secretsmanager_secret.database), [aws_secretsmanager_secret.seal, aws_secretsmanager_secret.session]) : secret.kms_key_id == var.kms_key_arn && secret.recovery_window_in_days == 30])
    error_message = "Secrets are encrypted with their own key, and can be brought back for a month."
  }
  assert {
    condition     = output.database_secrets == { gateway = "stackyard-test/database/gateway", quota = "stackyard-test/database/quota", stacks = "stackyard-test/database/stacks" }
    error_message = "Each service has a secret of its own."
  }
}

run "new_passwords" {
  variables {
    password_version = 2
  }
  assert {
    condition     = alltrue([for version in aws_secretsmanager_secret_version.database : version.secret_string_wo_version == 2])
    error_message = "A new version is a new password."
  }
  assert {
    condition     = aws_secretsmanager_secret_version.seal.secret_string_wo_version == 1 && aws_secretsmanager_secret_version.session.secret_string_wo_version == 1
    error_message = "The key that states are sealed with stays: nothing would open them."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name             = "X"
    services         = ["Stacks"]
    port             = 0
    kms_key_arn      = "key"
    password_version = 0
    recovery_days    = 3
  }
  expect_failures = [var.name, var.services, var.port, var.kms_key_arn, var.password_version, var.recovery_days]
}
