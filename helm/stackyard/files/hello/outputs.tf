output "message" {
  description = "The greeting, once."
  value       = terraform_data.greeting[0].output.message
}

output "messages" {
  description = "The greeting, as often as it was made."
  value       = [for greeting in terraform_data.greeting : "${greeting.output.number}. ${greeting.output.message}"]
}

output "ids" {
  description = "Ids of the resources."
  value       = terraform_data.greeting[*].id
}
