mock_provider "aws" {
  source = "../mocks"
}

variables {
  alias       = "stackyard-test"
  description = "What tests encrypt"
}

run "account_alone" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key changes by itself, and a month goes by before it is gone."
  }
  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "No service of AWS uses the key unless it is named."
  }
}

run "logs_and_alarms" {
  variables {
    log_groups = true
    services   = ["cloudwatch.amazonaws.com"]
  }
  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : statement.sid == "AccountDecides" || length(statement.condition) == 1])
    error_message = "Services use the key for this account alone."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    alias       = "aws/mine"
    description = ""
    services    = ["cloudwatch"]
  }
  expect_failures = [var.alias, var.description, var.services]
}
