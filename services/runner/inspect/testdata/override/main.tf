variable "size" {
  type        = string
  description = "How big."
}

output "size" {
  value = var.size
}

module "a" {
  source = "./a"
}
