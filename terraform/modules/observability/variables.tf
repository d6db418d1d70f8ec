variable "name" {
  description = "Name of the workspaces, and prefix of the log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "cluster_name" {
  description = "Cluster whose metrics and logs are kept."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.cluster_name))
    error_message = "cluster_name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "namespace" {
  description = "Namespace of Prometheus and of the log forwarder in the cluster."
  type        = string
  default     = "monitoring"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be 1 to 63 of a-z, 0-9 and -, and neither start nor end with -."
  }
}

variable "key_arn" {
  description = "KMS key that metrics, logs and alarms are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.key_arn))
    error_message = "key_arn must be the ARN of a KMS key."
  }
}

variable "alarm_emails" {
  description = "Who is written to when an alarm goes off or ends; each has to confirm once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails must be addresses such as platform@example.com."
  }
}

variable "database" {
  description = "The database that is watched: its name, the storage it began with, and its memory."
  type = object({
    identifier  = string
    storage_gib = number
    memory_gib  = number
  })
  nullable = false

  validation {
    condition     = var.database.storage_gib >= 20 && var.database.memory_gib >= 0.5
    error_message = "database: storage_gib is 20 at least, memory_gib 0.5."
  }
}

variable "certificate_arn" {
  description = "Certificate whose end is watched."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of a certificate of ACM."
  }
}

variable "nat_gateway_ids" {
  description = "NAT gateways that are watched, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "log_days" {
  description = "Days that logs of the services are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_days)
    error_message = "log_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

variable "managed_grafana" {
  description = "Make an Amazon Managed Grafana workspace, for people of IAM Identity Center. Without it Grafana runs wherever it does already."
  type        = bool
  default     = false
  nullable    = false
}
