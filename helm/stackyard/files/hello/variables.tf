variable "name" {
  description = "Who is greeted."
  type        = string
  nullable    = false

  validation {
    condition     = length(trimspace(var.name)) > 0 && length(var.name) <= 63
    error_message = "The name must have 1 to 63 characters, and not only spaces."
  }
}

variable "greeting" {
  description = "What is said to them."
  type        = string
  default     = "Hello"
  nullable    = false

  validation {
    condition     = length(trimspace(var.greeting)) > 0 && length(var.greeting) <= 63
    error_message = "The greeting must have 1 to 63 characters, and not only spaces."
  }
}

variable "shout" {
  description = "Say it in capitals."
  type        = bool
  default     = false
  nullable    = false
}

variable "repeat" {
  description = "How many times it is said: that many resources are made."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.repeat >= 1 && var.repeat <= 100 && floor(var.repeat) == var.repeat
    error_message = "The repeat count must be a whole number from 1 to 100."
  }
}

variable "stackyard_stack_uid" {
  description = "Random id of the stack, set by Stackyard."
  type        = string
  nullable    = false
}
