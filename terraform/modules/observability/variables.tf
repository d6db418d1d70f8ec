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
}

variable "namespace" {
  description = "Namespace of Prometheus and of the log forwarder in the cluster."
  type        = string
  default     = "observability"
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
