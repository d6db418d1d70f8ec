variable "name" {
  description = "Name of the environment's load balancer among others of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 of a-z, 0-9 and -, start with a letter and not end in -."
  }
}

variable "image_prefix" {
  description = "Registry of the images, and the path in it: `123456789012.dkr.ecr.eu-central-1.amazonaws.com`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._:/-][a-z0-9]+)*$", var.image_prefix))
    error_message = "image_prefix must be a host name with a path or none, without a scheme and a / at its end."
  }
}

variable "image_tag" {
  description = "Images to run where scripts/deploy.sh is told none: the commit that they were built from, 12 to 40 hex digits; null: it must be told."
  type        = string
  default     = null

  validation {
    condition     = var.image_tag == null || can(regex("^[0-9a-f]{12,40}$", var.image_tag))
    error_message = "image_tag must be a commit id of 12 to 40 hex digits; names such as latest are never deployed."
  }
}

variable "domain" {
  description = "Name that people reach Stackyard by; gRPC is at `grpc.` before it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as stackyard.example.com."
  }
}

variable "certificate_arn" {
  description = "Certificate of the domain."
  type        = string
  nullable    = false
}

variable "web_acl_arn" {
  description = "Firewall of the load balancer."
  type        = string
  nullable    = false
}

variable "security_group_id" {
  description = "Security group of the load balancer."
  type        = string
  nullable    = false
}

variable "internal" {
  description = "The load balancer has private addresses alone."
  type        = bool
  default     = false
  nullable    = false
}

variable "durable" {
  description = "The load balancer is not deleted by mistake."
  type        = bool
  default     = true
  nullable    = false
}

variable "proxy_cidrs" {
  description = "Networks that the load balancer calls from."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.proxy_cidrs) > 0 && alltrue([for cidr in var.proxy_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "proxy_cidrs must be IPv4 blocks, one at least, and not all the world: what they say of who calls is believed."
  }
}

variable "network_cidr" {
  description = "Addresses of the environment's network, where the API server is."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.network_cidr, 0))
    error_message = "network_cidr must be an IPv4 block."
  }
}

variable "service_cidr" {
  description = "Addresses of the cluster's Services, the API server's among them."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.service_cidr, 0)) && !endswith(var.service_cidr, "/0")
    error_message = "service_cidr must be an IPv4 block, and not all the world."
  }
}

variable "isolated_cidrs" {
  description = "Addresses of the subnets of databases and endpoints."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.isolated_cidrs) > 0 && alltrue([for cidr in var.isolated_cidrs : can(cidrhost(cidr, 0))])
    error_message = "isolated_cidrs must be IPv4 blocks, one at least."
  }
}

variable "runners" {
  description = "Runners at least, and at most."
  type = object({
    min = number
    max = number
  })
  nullable = false

  validation {
    condition     = var.runners.min >= 1 && var.runners.max >= var.runners.min && var.runners.max <= 500
    error_message = "runners: 1 <= min <= max <= 500."
  }
}

variable "runner_node_labels" {
  description = "Labels of the nodes that runners are on; the nodes' taint is the same."
  type        = map(string)
  nullable    = false
}

variable "bucket_urls" {
  description = "Where blobs and documents are kept, as the stacks service is told."
  type = object({
    blobs     = string
    documents = string
  })
  nullable = false

  validation {
    condition     = alltrue([for url in values(var.bucket_urls) : startswith(url, "s3://")]) && var.bucket_urls.blobs != var.bucket_urls.documents
    error_message = "bucket_urls must be two different places, s3://BUCKET/PREFIX?region=REGION."
  }
}

variable "database_secrets" {
  description = "Names of the secrets with the databases' URLs, by service."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["gateway", "quota", "stacks"], keys(var.database_secrets))) == 0
    error_message = "database_secrets must have gateway, quota and stacks."
  }
}

variable "password_version" {
  description = "Which passwords of the databases the secrets have now."
  type        = number
  nullable    = false

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version must be a whole number from 1."
  }
}

variable "seal_secret" {
  description = "Name of the secret with the key that states are sealed with."
  type        = string
  nullable    = false
}

variable "session_secret" {
  description = "Secret of Secrets Manager with the keys that sessions of the console are sealed with."
  type        = string
  nullable    = false
}
