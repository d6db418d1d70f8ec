variable "name" {
  description = "Name of the cluster and of what is around it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "The name must be 2 to 24 of a-z, 0-9 and -, starting with a letter."
  }
}

variable "region" {
  description = "AWS region to make it in."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region must be an AWS region, for example us-east-1."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version. The one that AWS offers by default when none is given; it then stays."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "The version must be a minor version of Kubernetes, for example 1.33."
  }
}

variable "instance_type" {
  description = "EC2 instance type of the nodes, of the x86_64 kind."
  type        = string
  default     = "t3.medium"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "The instance type must be a family and a size, for example t3.medium."
  }
}

variable "desired_capacity" {
  description = "How many nodes there are. The group has no other size, so that what is counted is what there is."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.desired_capacity >= 1 && var.desired_capacity <= 50 && floor(var.desired_capacity) == var.desired_capacity
    error_message = "There must be a whole number of nodes from 1 to 50."
  }
}

variable "volume_size" {
  description = "Size of each node's root volume in GiB."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.volume_size >= 20 && var.volume_size <= 500 && floor(var.volume_size) == var.volume_size
    error_message = "The root volume must be a whole number of GiB from 20 to 500."
  }
}

variable "vpc_cidr_block" {
  description = "IPv4 network of the VPC. Its nodes and pods share it; networks that are to be peered must differ."
  type        = string
  default     = "10.0.0.0/20"
  nullable    = false

  validation {
    condition = (
      can(cidrnetmask(var.vpc_cidr_block)) &&
      can(regex("/(16|17|18|19|20|21|22)$", var.vpc_cidr_block)) &&
      var.vpc_cidr_block == try(cidrsubnet(var.vpc_cidr_block, 0, 0), "")
    )
    error_message = "The network must be an IPv4 CIDR block of 16 to 22 bits, for example 10.0.0.0/20."
  }
}

variable "private_nodes" {
  description = "Whether nodes have no public addresses. They then reach the internet by a NAT gateway, which costs."
  type        = bool
  default     = false
  nullable    = false
}

variable "api_cidr_blocks" {
  description = "IPv4 networks that may reach the Kubernetes API from outside. None: it answers inside the VPC alone."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = alltrue([for block in var.api_cidr_blocks : can(cidrnetmask(block))])
    error_message = "Each network must be an IPv4 CIDR block, for example 203.0.113.0/24."
  }
}

variable "administrator_arns" {
  description = "IAM roles and users that administer the cluster, besides the credentials that made it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.administrator_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Each administrator must be the ARN of an IAM role or user, for example arn:aws:iam::123456789012:role/platform."
  }
}

variable "encrypt_secrets" {
  description = "Whether Kubernetes secrets are encrypted with a KMS key of the cluster's own. It cannot be taken back."
  type        = bool
  default     = false
  nullable    = false
}

variable "stackyard_stack_uid" {
  description = "Random id of the stack, set by Stackyard."
  type        = string
  nullable    = false
}
