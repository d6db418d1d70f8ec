variable "alias" {
  description = "Alias of the key, without `alias/`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9/_-]{1,199}$", var.alias)) && !startswith(var.alias, "aws/")
    error_message = "alias must be 2 to 200 of a-z, 0-9, /, _ and -, start with a letter, and not with aws/."
  }
}

variable "description" {
  description = "What is encrypted with the key."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) > 0
    error_message = "description must say what is encrypted with the key."
  }
}

variable "services" {
  description = "Services of AWS that use the key for this account, `cloudwatch.amazonaws.com` say."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.services : endswith(service, ".amazonaws.com")])
    error_message = "services must be names such as cloudwatch.amazonaws.com."
  }
}

variable "log_groups" {
  description = "Log groups of this account and region may be encrypted with the key."
  type        = bool
  default     = false
  nullable    = false
}
