variable "region" {
  description = "AWS region of the image repositories, and of the state bucket."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region of AWS, such as eu-central-1."
  }
}

variable "services" {
  description = "Images that are kept: one repository for each, `stackyard-SERVICE`."
  type        = set(string)
  default     = ["gateway", "rest", "stacks", "quota", "runner", "cli"]
  nullable    = false

  validation {
    condition     = length(var.services) > 0 && alltrue([for name in var.services : can(regex("^[a-z][a-z0-9-]{0,62}$", name))])
    error_message = "services must be names of 1 to 63 of a-z, 0-9 and -, starting with a letter."
  }
}

variable "github_repository" {
  description = "Repository whose workflows may push images and deploy, `owner/name`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository must look like owner/name."
  }
}

variable "github_oidc_provider_arn" {
  description = "Provider of GitHub's OIDC tokens, where the account has one already; null makes it."
  type        = string
  default     = null

  validation {
    condition     = var.github_oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn))
    error_message = "github_oidc_provider_arn must be the ARN of an oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "keep_images" {
  description = "Images that are kept in each repository, 10 to 1000; older ones go."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.keep_images >= 10 && var.keep_images <= 1000 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images must be a whole number from 10 to 1000."
  }
}

variable "pull_accounts" {
  description = "Other accounts whose clusters pull images from here."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.pull_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "pull_accounts must be numbers of accounts, 12 digits each."
  }
}
