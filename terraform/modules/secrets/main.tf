# What the services keep secret, in Secrets Manager: how they connect to their databases, and the key
# that states are sealed with. No state of Terraform holds any of it: each is made for one apply alone,
# and written without being read again.
#
# Each service has two users in the database, which take turns. A new password_version gives the one
# that rests a new password and makes it the current one; who still runs with the other goes on.
# scripts/databases.sh makes in the database what these secrets say.

locals {
  turn = var.password_version % 2 == 0 ? "b" : "a"
}

ephemeral "aws_secretsmanager_random_password" "database" {
  for_each = var.services

  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "database" {
  # checkov:skip=CKV2_AWS_57: it changes with password_version, since the pods have to follow
  for_each = var.services

  name                    = "${var.name}/database/${each.key}"
  description             = "How the service ${each.key} connects to its database"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "database" {
  for_each = aws_secretsmanager_secret.database

  secret_id = each.value.id
  secret_string_wo = jsonencode({
    database = each.key
    username = "${each.key}_${local.turn}"
    password = ephemeral.aws_secretsmanager_random_password.database[each.key].random_password
    url = join("", [
      "postgresql://${each.key}_${local.turn}:",
      ephemeral.aws_secretsmanager_random_password.database[each.key].random_password,
      "@${var.address}:${var.port}/${each.key}?sslmode=require",
    ])
  })
  secret_string_wo_version = var.password_version
}

# ---- The key that states are sealed with -----------------------------------------------------

ephemeral "aws_secretsmanager_random_password" "seal" {
  password_length = 64
}

resource "aws_secretsmanager_secret" "seal" {
  # checkov:skip=CKV2_AWS_57: a new key is put before the old ones by hand; docs/deploy.md says how

  name                    = "${var.name}/seal-key"
  description             = "Keys that states are sealed with. Whoever loses them has lost all states"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}

# Written once: its version never changes, so that no apply puts another key in the place of one that
# data is sealed with.
resource "aws_secretsmanager_secret_version" "seal" {
  secret_id                = aws_secretsmanager_secret.seal.id
  secret_string_wo         = sha256(ephemeral.aws_secretsmanager_random_password.seal.random_password)
  secret_string_wo_version = 1
}
