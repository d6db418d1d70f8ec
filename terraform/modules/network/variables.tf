variable "name" {
  description = "Name of the network, and prefix of what is in it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "cidr_block" {
  description = "Addresses of the network: an IPv4 block from /16 to /20."
  type        = string
  default     = "10.40.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr_block, 0)) && try(tonumber(split("/", var.cidr_block)[1]) >= 16 && tonumber(split("/", var.cidr_block)[1]) <= 20, false)
    error_message = "cidr_block must be an IPv4 block from /16 to /20, such as 10.40.0.0/16."
  }
}

variable "availability_zones" {
  description = "Zones to spread over, 2 to 4."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.availability_zones) >= 2 && length(var.availability_zones) <= 4 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones must be 2 to 4 different zones."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone, so that the loss of a zone cuts off nobody else; false saves money."
  type        = bool
  default     = true
  nullable    = false
}

variable "interface_endpoints" {
  description = "Services of AWS that are reached within the network; each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "sts"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.interface_endpoints : can(regex("^[a-z][a-z0-9.-]*$", name)) && name != "s3"])
    error_message = "interface_endpoints must be names such as ecr.api; s3 has a gateway endpoint already."
  }
}

variable "log_key_arn" {
  description = "KMS key that flow logs are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.log_key_arn))
    error_message = "log_key_arn must be the ARN of a KMS key."
  }
}

variable "flow_log_days" {
  description = "Days that flow logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.flow_log_days)
    error_message = "flow_log_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}

variable "cluster_name" {
  description = "EKS cluster whose load balancers find their subnets by tag."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.cluster_name))
    error_message = "cluster_name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}
