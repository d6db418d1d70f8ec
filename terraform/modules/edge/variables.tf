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
}

variable "requests_per_address" {
  description = "Requests that one address may make in five minutes, 100 to 1,000,000."
  type        = number
  default     = 20000
  nullable    = false

  validation {
    condition     = var.requests_per_address >= 100 && var.requests_per_address <= 1000000
    error_message = "requests_per_address must be from 100 to 1000000."
  }
}
