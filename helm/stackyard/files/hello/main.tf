locals {
  plain   = "${var.greeting}, ${var.name}!"
  message = var.shout ? upper(local.plain) : local.plain
}

# Built into Terraform: it lives in the state alone and needs no provider, credentials or network.
resource "terraform_data" "greeting" {
  count = var.repeat

  input = {
    message   = local.message
    number    = count.index + 1
    stack_uid = var.stackyard_stack_uid
  }
}
