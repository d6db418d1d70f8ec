variable "name" {
  description = "Name of the object, and start of the bucket's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "The name must be 2 to 31 of a-z, 0-9 and -, starting with a letter."
  }
}

variable "content" {
  description = "The JSON to store: any value, or a string that holds JSON. Other strings are stored as JSON strings."
  type        = any

  validation {
    condition     = length(jsonencode(var.content)) <= 1048576
    error_message = "The content must be at most 1 MiB of JSON."
  }
}

variable "region" {
  description = "AWS region to make it in."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region must be an AWS region, for example us-east-1."
  }
}

variable "stackyard_stack_uid" {
  description = "Random id of the stack, set by Stackyard. Makes the bucket's name unique."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.stackyard_stack_uid) > 0
    error_message = "The stack's uid must not be empty."
  }
}
