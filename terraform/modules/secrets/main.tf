# What the services keep secret, in Secrets Manager: how they connect to their databases, and the keys
# that states and sessions are sealed with. No state and no plan of Terraform holds any of it: the values below are
# random ones of Terraform's own, other ones at each run, and go into write-only arguments alone, which
# are sent when their version changes and at no other time.
#
# Each service has two users in the database, which take turns. A new password_version gives the one
# that rests a new password and makes it the current one; who still runs with the other goes on.
# scripts/databases.sh makes in the database what these secrets say.

locals {
  turn = var.password_version % 2 == 0 ? "b" : "a"

  # 366 bits of the system's random source each.
  passwords = sensitive({
    for service in var.services : service => substr(sha256(join("", [uuid(), uuid(), uuid()])), 0, 48)
  })
  seal_key    = sensitive(sha256(join("", [uuid(), uuid(), uuid()])))
  session_key = sensitive(base64sha256(join("", [uuid(), uuid(), uuid()])))
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
    password = local.passwords[each.key]
    url      = "postgresql://${each.key}_${local.turn}:${local.passwords[each.key]}@${var.address}:${var.port}/${each.key}?sslmode=require"
  })
  secret_string_wo_version = var.password_version
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
  secret_string_wo         = local.seal_key
  secret_string_wo_version = 1
}

resource "aws_secretsmanager_secret" "session" {
  # checkov:skip=CKV2_AWS_57: a new key is put before the old ones by hand, as with the seal key

  name                    = "${var.name}/session-keys"
  description             = "Keys that sessions of the web console are sealed with. With new ones all sign in again"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "session" {
  secret_id                = aws_secretsmanager_secret.session.id
  secret_string_wo         = local.session_key
  secret_string_wo_version = 1
}
