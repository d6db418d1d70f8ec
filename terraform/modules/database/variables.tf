variable "name" {
  description = "Name of the database instance."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "vpc_id" {
  description = "Network of the database."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets, in at least two zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be at least two subnets, in different zones."
  }
}

variable "client_security_group_ids" {
  description = "Who may connect, by a name of your own."
  type        = map(string)
  nullable    = false
}

variable "instance_class" {
  description = "Size of the instance, `db.m7g.large` say."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class must look like db.m7g.large."
  }
}

variable "storage_gib" {
  description = "Storage in GiB, 20 to 1000; it grows by itself to four times that."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.storage_gib >= 20 && var.storage_gib <= 1000 && floor(var.storage_gib) == var.storage_gib
    error_message = "storage_gib must be a whole number from 20 to 1000."
  }
}

variable "multi_az" {
  description = "A standby in another zone takes over when the instance or its zone fails."
  type        = bool
  default     = true
  nullable    = false
}

variable "backup_days" {
  description = "Days that backups are kept, 1 to 35; to any second of them the database can be restored."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35 && floor(var.backup_days) == var.backup_days
    error_message = "backup_days must be a whole number from 1 to 35."
  }
}

variable "deletion_protection" {
  description = "The database cannot be deleted, and leaves a last snapshot when it is."
  type        = bool
  default     = true
  nullable    = false
}
