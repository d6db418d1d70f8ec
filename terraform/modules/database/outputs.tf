output "address" {
  description = "Host of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.this.port
}

output "username" {
  description = "Its owner."
  value       = aws_db_instance.this.username
}

output "password_secret_arn" {
  description = "Secret with the owner's name and password, which RDS changes by itself."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "identifier" {
  description = "Name of the instance."
  value       = aws_db_instance.this.identifier
}

output "kms_key_arn" {
  description = "Key that the database and its passwords are encrypted with."
  value       = module.key.arn
}
