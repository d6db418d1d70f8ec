variable "name" {
  description = "Name of the environment: `staging`, `production`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,14}$", var.name))
    error_message = "name must be 2 to 15 of a-z and 0-9, starting with a letter."
  }
}

variable "availability_zones" {
  description = "Zones to spread over, 2 to 4."
  type        = list(string)
  nullable    = false
}

variable "cidr_block" {
  description = "Addresses of the environment's network."
  type        = string
  nullable    = false
}

variable "domain" {
  description = "Name that people reach Stackyard by."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Route 53 zone of the domain; null: it is kept elsewhere."
  type        = string
  default     = null
}

variable "durable" {
  description = "Nothing of value is deleted: databases and buckets are protected. False for what is thrown away."
  type        = bool
  default     = true
  nullable    = false
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone; false saves money."
  type        = bool
  default     = true
  nullable    = false
}

variable "public_access_cidrs" {
  description = "Who may reach the cluster's API server from the internet."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "admin_role_arns" {
  description = "IAM roles that administer the cluster, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deployer_role_arns" {
  description = "IAM roles that deploy Stackyard, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "managed_grafana" {
  description = "Make an Amazon Managed Grafana workspace."
  type        = bool
  default     = false
  nullable    = false
}

variable "interface_endpoints" {
  description = "Services of AWS that are reached within the network; each costs by the hour and zone."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "sts"]
  nullable    = false
}

variable "client_cidrs" {
  description = "Networks that may call Stackyard."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, of the control plane and the nodes; one up at a time, never down."
  type        = string
  nullable    = false
}

variable "general_nodes" {
  description = "Nodes of gateway, stacks and quota; see node_groups of modules/eks."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    spot           = optional(bool, false)
  })
  nullable = false
}

variable "runner_nodes" {
  description = "Nodes of runners, which no other pods are on: they run what templates say."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    spot           = optional(bool, false)
  })
  nullable = false
}

variable "observability_nodes" {
  description = "Nodes of Prometheus and its like."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    spot           = optional(bool, false)
  })
  nullable = false
}

variable "runners" {
  description = "Runners at least, and at most; KEDA counts them by the queue."
  type = object({
    min = number
    max = number
  })
  nullable = false
}

variable "database" {
  description = "Size of PostgreSQL, and how it is kept. Count password_version up for new passwords of the services, and deploy."
  type = object({
    instance_class   = string
    memory_gib       = number
    storage_gib      = optional(number, 50)
    multi_az         = optional(bool, true)
    backup_days      = optional(number, 14)
    password_version = optional(number, 1)
  })
  nullable = false
}

variable "image_prefix" {
  description = "Registry of the images, and the path in it; null: that of this account and region."
  type        = string
  default     = null
}

variable "image_tag" {
  description = "Images to run where scripts/deploy.sh is told none: the commit that they were built from."
  type        = string
  default     = null
}

variable "project_accounts" {
  description = "Accounts in which runs may take roles of projects; empty: this one."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.project_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "project_accounts must be numbers of accounts, 12 digits each."
  }
}

variable "project_role_path" {
  description = "Path of the roles that runs may take: every other role is closed to them."
  type        = string
  default     = "/stackyard/projects/"
  nullable    = false

  validation {
    condition     = can(regex("^/[A-Za-z0-9._/-]*[A-Za-z0-9]/$", var.project_role_path))
    error_message = "project_role_path must be a path such as /stackyard/projects/, and not the root."
  }
}

variable "alarm_emails" {
  description = "Who is written to when an alarm goes off or ends."
  type        = set(string)
  default     = []
  nullable    = false
}
