variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2-hunter2"
}
resource "terraform_data" "one" {
  input = { name = "web", size = 3 }
}
resource "terraform_data" "counted" {
  count = 2
  input = "n${count.index}"
}
resource "terraform_data" "each" {
  for_each = toset(["a b", "x\"y"])
  input    = each.key
}
resource "terraform_data" "whole_secret" {
  input = var.password
}
resource "terraform_data" "part_secret" {
  input = { user = "ann", password = var.password, list = ["plain", var.password] }
}
module "child" {
  source   = "./region"
  for_each = toset(["eu", "us"])
  region   = each.key
}
data "terraform_remote_state" "none" {
  backend = "local"
  config  = { path = "${path.module}/other.tfstate" }
}
output "names" { value = ["a", "b"] }
output "count" { value = 3 }
output "nothing" { value = null }
output "object" { value = { on = true, ratio = 0.5 } }
output "password" {
  value     = var.password
  sensitive = true
}
