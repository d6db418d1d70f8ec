variable "region" {
  description = "AWS region of the environment."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region of AWS, such as eu-central-1."
  }
}

variable "domain" {
  description = "Name that people reach Stackyard by; gRPC is at `grpc.` before it."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Route 53 zone of the domain; null: it is kept elsewhere, and the output `validation_records` says what it needs."
  type        = string
  default     = null
}

variable "admin_role_arns" {
  description = "IAM roles that administer the cluster, by a name of your own."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.admin_role_arns) > 0
    error_message = "admin_role_arns must name one role at least: nobody else gets into the cluster, not even who makes it."
  }
}

variable "public_access_cidrs" {
  description = "Who may reach the cluster's API server from the internet; empty: it is reached from the network alone."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "client_cidrs" {
  description = "Networks that may call Stackyard."
  type        = set(string)
  default     = ["0.0.0.0/0"]
  nullable    = false
}

variable "project_accounts" {
  description = "Accounts in which runs may take roles of projects; empty: this one."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "alarm_emails" {
  description = "Who is written to when an alarm goes off or ends."
  type        = set(string)
  default     = []
  nullable    = false
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
