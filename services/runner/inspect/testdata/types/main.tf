variable "plain" {}

variable "text" {
  type        = string
  description = "Some text."
  default     = "a <b> & c"
}

variable "servers" {
  description = <<-EOT
    Servers
    to make.
  EOT
  type = list(object({
    name = string # shown to people
    size = optional(number, 2)
    /* not needed yet */
    tags = optional(map(string), {}),
  }))
  default = [{ name = "a" }, { name = "b", size = "3", tags = { x = "y" } }]
}

variable "pair" {
  type    = tuple([string,   bool])
  default = ["a", "true"]
}

variable "secret" {
  type      = string
  sensitive = true
  default   = "hunter2"
}

variable "asked_secret" {
  type      = string
  sensitive = true
}

variable "none" {
  type    = set(string)
  default = null
}

variable "anything" {
  type    = any
  default = { a = [1, "x", null], b = true }
}

variable "short" {
  type     = list
  nullable = false
  default  = []
}

variable "passing" {
  type      = string
  ephemeral = true

  validation {
    condition     = length(var.passing) > 3
    error_message = "Too short."
  }
}

variable "big" {
  type    = number
  default = 12345678901234567890
}

output "first" {
  value       = var.servers[0].name
  description = "The first one."
}

output "secret" {
  value     = var.secret
  sensitive = true
}
