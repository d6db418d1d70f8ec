variable "region" { type = string }
resource "terraform_data" "inner" { input = var.region }
