variable "called" {
  default = file("/etc/passwd")
}

variable "mistyped" {
  type    = number
  default = "many"
}

variable "quoted" {
  type = "string"
}

variable "unknown_type" {
  type = strin
}

variable "optional_outside" {
  type = optional(string)
}

variable "null_default" {
  type     = string
  nullable = false
  default  = null
}

variable "computed" {
  description = "for ${var.called}"
  sensitive   = "perhaps"
  colour      = "red"
}

variable "called" {}

output "twice" {
  value = 1
}

output "twice" {
  value = 2
}

variabel "typo" {}

module "no_source" {}
