variable "name" {
  description = "Prefix of the buckets' names; the account's number and the region follow it, so that they are unique."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "force_destroy" {
  description = "Buckets are deleted with all that is in them. For environments that hold nothing of value."
  type        = bool
  default     = false
  nullable    = false
}

variable "old_version_days" {
  description = "Days that deleted and overwritten objects can be brought back, 1 to 365."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.old_version_days >= 1 && var.old_version_days <= 365 && floor(var.old_version_days) == var.old_version_days
    error_message = "old_version_days must be a whole number from 1 to 365."
  }
}
