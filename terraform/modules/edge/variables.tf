variable "name" {
  description = "Name of the load balancers' firewall, and of what is beside it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "domain" {
  description = "Name that people reach Stackyard by, `stackyard.example.com`; gRPC is at `grpc.` before it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as stackyard.example.com."
  }
}

variable "zone_id" {
  description = "Route 53 zone that the domain lies in; null: the records that prove the domain are made elsewhere (output `validation_records`)."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{6,32}$", var.zone_id))
    error_message = "zone_id must be the id of a Route 53 zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "vpc_id" {
  description = "Network of the load balancer."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id must be the id of a VPC."
  }
}

variable "client_cidrs" {
  description = "Networks that may call Stackyard."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0)) && !strcontains(cidr, ":")])
    error_message = "client_cidrs must be IPv4 blocks, one at least."
  }
}

variable "pod_cidrs" {
  description = "Addresses of the pods that the load balancer calls."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.pod_cidrs) > 0 && alltrue([for cidr in var.pod_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "pod_cidrs must be IPv4 blocks, one at least, and not all the world."
  }
}

variable "log_key_arn" {
  description = "KMS key that the firewall's log is encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.log_key_arn))
    error_message = "log_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the firewall's log is kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_days)
    error_message = "log_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

variable "requests_per_address" {
  description = "Requests that one address may make in five minutes, 100 to 1,000,000."
  type        = number
  default     = 20000
  nullable    = false

  validation {
    condition     = var.requests_per_address >= 100 && var.requests_per_address <= 1000000 && floor(var.requests_per_address) == var.requests_per_address
    error_message = "requests_per_address must be a whole number from 100 to 1000000."
  }
}
