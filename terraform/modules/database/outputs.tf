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
  description = "Secret with the owner's password, which RDS changes by itself; empty where none is managed."
  value       = try(aws_db_instance.this.master_user_secret[0].secret_arn, "")
}
