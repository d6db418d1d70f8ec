variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 of what IAM allows in names of roles."
  }
}

variable "cluster_name" {
  description = "Cluster that the pods run in."
  type        = string
  nullable    = false
}

variable "namespace" {
  description = "Namespace of the service account."
  type        = string
  nullable    = false
}

variable "service_account" {
  description = "Service account of the pods."
  type        = string
  nullable    = false
}

variable "oidc_provider" {
  description = "The cluster's OIDC provider, for IRSA; null: EKS pod identity."
  type = object({
    arn = string
    url = string
  })
  default = null
}

variable "policies" {
  description = "Policies of the role, JSON by name."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "managed_policy_arns" {
  description = "Managed policies that the role gets, by a name of your own."
  type        = map(string)
  default     = {}
  nullable    = false
}
