variable "size" {
  type    = number
  default = 3
}

output "size" {
  description = "Told."
  value       = var.size
  sensitive   = true
}

module "a" {
  source = "example.org/other/aws"
}
