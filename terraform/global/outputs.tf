output "repositories" {
  description = "Address of each image's repository, by service."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "github_role_arns" {
  description = "Roles that GitHub's workflows take: push, staging, production, drift."
  value       = { for name, role in aws_iam_role.github : name => role.arn }
}

output "image_prefix" {
  description = "Registry of the images: `image_prefix` of environments in other accounts."
  value       = split("/", values(aws_ecr_repository.this)[0].repository_url)[0]
}
