variable "cluster_name" {
  description = "Cluster that they run in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.cluster_name))
    error_message = "cluster_name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "vpc_id" {
  description = "Network of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id must be the id of a VPC."
  }
}

variable "secret_arns" {
  description = "Secrets that are copied into the cluster, by a name of your own."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.secret_arns) > 0 && alltrue([for arn in values(var.secret_arns) : can(regex("^arn:[a-z-]+:secretsmanager:", arn))])
    error_message = "secret_arns must be ARNs of secrets, one at least."
  }
}

variable "secrets_key_arn" {
  description = "KMS key that those secrets are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.secrets_key_arn))
    error_message = "secrets_key_arn must be the ARN of a KMS key."
  }
}

variable "zone_id" {
  description = "Route 53 zone that records of load balancers are made in; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{6,32}$", var.zone_id))
    error_message = "zone_id must be the id of a Route 53 zone, such as Z0123456789ABCDEFGHIJ."
  }
}
