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

variable "image_tag" {
  description = "Images to run: the commit that they were built from, 40 hex digits, or 12 at least."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{12,40}$", var.image_tag))
    error_message = "image_tag must be a commit id of 12 to 40 hex digits; names such as latest are never deployed."
  }
}

variable "image_registry" {
  description = "Registry of the images, `123456789012.dkr.ecr.eu-central-1.amazonaws.com`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9.:-]+$", var.image_registry))
    error_message = "image_registry must be a host name, without a scheme or path."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
  type        = string
  default     = "1.33"
  nullable    = false
}

variable "node_groups" {
  description = "Node groups besides those that the module always makes; see modules/eks."
  type = map(object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
    disk_gib       = optional(number, 50)
    labels         = optional(map(string), {})
    taint          = optional(string)
  }))
  default  = {}
  nullable = false
}

variable "general_nodes" {
  description = "Nodes of gateway, stacks and quota."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
  })
  nullable = false
}

variable "runner_nodes" {
  description = "Nodes of runners, which no other pods are on: they run what templates say."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
  })
  nullable = false
}

variable "observability_nodes" {
  description = "Nodes of Prometheus and its like."
  type = object({
    instance_types = list(string)
    min_size       = number
    max_size       = number
  })
  nullable = false
}

variable "database" {
  description = "Size of PostgreSQL, and how it is kept."
  type = object({
    instance_class = string
    storage_gib    = optional(number, 50)
    multi_az       = optional(bool, true)
    backup_days    = optional(number, 14)
  })
  nullable = false
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
