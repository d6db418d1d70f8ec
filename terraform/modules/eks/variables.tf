variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, `1.33` say."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must look like 1.33."
  }
}

variable "service_cidr" {
  description = "Addresses of Services, the API server's among them; outside of the network. For a cluster's life."
  type        = string
  default     = "172.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.service_cidr, 0)) && can(regex("^(10|172|192)\\..*/(1[2-9]|2[0-4])$", var.service_cidr))
    error_message = "service_cidr must be a private IPv4 block of /12 to /24."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the nodes, in at least two zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must be at least two subnets, in different zones."
  }
}

variable "public_access_cidrs" {
  description = "Who may reach the API server from the internet; empty: it is reached from the network alone."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "public_access_cidrs must be IPv4 blocks, and not all the world."
  }
}

variable "admin_role_arns" {
  description = "IAM roles that administer the cluster, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.admin_role_arns) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "admin_role_arns must be ARNs of IAM roles or users."
  }
}

variable "deployer_role_arns" {
  description = "IAM roles that deploy Stackyard, by a name of your own: the group stackyard:deployers, which has its namespace."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.deployer_role_arns) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "deployer_role_arns must be ARNs of IAM roles or users."
  }
}

variable "node_groups" {
  description = "Managed node groups by name. `taint` keeps away what does not tolerate it, `KEY=VALUE`; `spot` nodes are cheap, and taken away at two minutes' notice."
  type = map(object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    disk_gib       = optional(number, 50)
    labels         = optional(map(string), {})
    taint          = optional(string)
    spot           = optional(bool, false)
    ami_type       = optional(string, "AL2023_x86_64_STANDARD")
  }))
  nullable = false

  validation {
    condition = alltrue([
      for group in var.node_groups :
      length(group.instance_types) > 0 && group.min_size >= 0 && group.max_size >= max(1, group.min_size) && group.max_size <= 100 && group.disk_gib >= 20
    ])
    error_message = "node_groups: each needs instance types, 0 <= min_size <= max_size <= 100, a max_size of at least 1, and disks from 20 GiB."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.taint == null || can(regex("^[a-z0-9./-]+=[a-z0-9.-]+$", group.taint))])
    error_message = "node_groups: a taint must look like stackyard.dev/group=observability."
  }
}

variable "addons" {
  description = "Further add-ons of EKS, besides those that each cluster has."
  type        = set(string)
  default     = ["metrics-server"]
  nullable    = false

  validation {
    condition     = length(setintersection(var.addons, ["vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "aws-ebs-csi-driver"])) == 0
    error_message = "addons must not name what each cluster has: vpc-cni, kube-proxy, eks-pod-identity-agent, coredns, aws-ebs-csi-driver."
  }
}

variable "log_key_arn" {
  description = "KMS key that logs of the control plane are encrypted with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:kms:", var.log_key_arn))
    error_message = "log_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that logs of the control plane are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.log_days)
    error_message = "log_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 180, 365."
  }
}
