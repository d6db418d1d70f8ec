variable "round" {
  type = number
}

variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2-is-secret"
}

# Changed in place: one attribute by name, one of them secret, one removed.
resource "terraform_data" "updated" {
  input = {
    size     = var.round
    password = "${var.password}-${var.round}"
    same     = "same"
    tags     = var.round == 1 ? ["a", "b"] : ["a"]
  }
}

# Replaced.
resource "terraform_data" "replaced" {
  triggers_replace = [var.round]
}

# Removed in the second round.
resource "terraform_data" "removed" {
  count = var.round == 1 ? 1 : 0
  input = "gone soon"
}

# Not touched in the second round.
resource "terraform_data" "kept" {
  input = "kept"
}

resource "terraform_data" "waits" {
  input = terraform_data.replaced.id
}

output "size" {
  value = terraform_data.updated.output.size
}

output "password" {
  value     = var.password
  sensitive = true
}
