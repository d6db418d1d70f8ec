output "database_secrets" {
  description = "Names of the secrets with database, username, password and url, by service."
  value       = { for name, secret in aws_secretsmanager_secret.database : name => secret.name }
}

output "seal_secret" {
  description = "Name of the secret with the key that states are sealed with."
  value       = aws_secretsmanager_secret.seal.name
}

output "session_secret" {
  description = "Name of the secret with the key that sessions of the console are sealed with."
  value       = aws_secretsmanager_secret.session.name
}

output "arns" {
  description = "All of them, by what they are of."
  value = merge(
    { for name, secret in aws_secretsmanager_secret.database : name => secret.arn },
    { seal = aws_secretsmanager_secret.seal.arn, session = aws_secretsmanager_secret.session.arn },
  )
}
