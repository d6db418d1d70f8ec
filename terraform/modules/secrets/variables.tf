variable "name" {
  description = "Prefix of the secrets' names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "services" {
  description = "Services that have a database of their own."
  type        = set(string)
  default     = ["gateway", "stacks", "quota"]
  nullable    = false

  validation {
    condition     = alltrue([for service in var.services : can(regex("^[a-z][a-z0-9]{1,30}$", service))])
    error_message = "services must be names of 2 to 31 of a-z and 0-9, starting with a letter."
  }
}

variable "address" {
  description = "Host of the database."
  type        = string
  nullable    = false
}

variable "port" {
  description = "Port of the database."
  type        = number
  default     = 5432
  nullable    = false

  validation {
    condition     = var.port > 0 && var.port < 65536 && floor(var.port) == var.port
    error_message = "port must be a whole number from 1 to 65535."
  }
}

variable "kms_key_arn" {
  description = "KMS key that the secrets are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "password_version" {
  description = "Count it up for new passwords of the services; deploy afterwards."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version must be a whole number from 1."
  }
}

variable "recovery_days" {
  description = "Days that a deleted secret can be brought back, 7 to 30; 0: it is gone at once."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0, or from 7 to 30."
  }
}
