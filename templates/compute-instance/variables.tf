variable "name" {
  description = "Name of the instance and of the VPC around it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "The name must be 2 to 31 of a-z, 0-9 and -, starting with a letter."
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

variable "instance_type" {
  description = "EC2 instance type, of the x86_64 kind unless ami_id says otherwise."
  type        = string
  default     = "t3.micro"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "The instance type must be a family and a size, for example t3.micro."
  }
}

variable "volume_size" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.volume_size >= 8 && var.volume_size <= 500 && floor(var.volume_size) == var.volume_size
    error_message = "The root volume must be a whole number of GiB from 8 to 500."
  }
}

variable "ami_id" {
  description = "Image to start from. The newest Amazon Linux 2023 when none is given."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "The image must be an AMI id, for example ami-0123456789abcdef0."
  }
}

variable "ssh_public_key" {
  description = "Public key that may log in as the image's user. None: no key is installed."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_public_key == null || can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/=]+( .*)?$", var.ssh_public_key))
    error_message = "The key must be an OpenSSH public key of type ssh-ed25519 or ssh-rsa."
  }
}

variable "ssh_cidr_blocks" {
  description = "IPv4 networks that may reach port 22. None: nothing can connect to the instance."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.ssh_cidr_blocks : can(cidrnetmask(block))])
    error_message = "Each network must be an IPv4 CIDR block, for example 203.0.113.0/24."
  }
  validation {
    condition     = !contains(var.ssh_cidr_blocks, "0.0.0.0/0")
    error_message = "Port 22 is not opened to the whole internet."
  }
}

variable "stackyard_stack_uid" {
  description = "Random id of the stack, set by Stackyard."
  type        = string
  nullable    = false
}
