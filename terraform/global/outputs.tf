output "repositories" {
  description = "Address of each image's repository, by service."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "github_role_arns" {
  description = "Roles that GitHub's workflows take: push, staging, production."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}
