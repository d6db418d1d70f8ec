mock_provider "aws" {
  mock_data "aws_ami" {
    defaults = {
      id = "ami-0aaaaaaaaaaaaaaaa"
    }
  }
}

variables {
  name                = "bench-1"
  stackyard_stack_uid = "0123456789abcdef"
}

run "defaults" {
  assert {
    condition     = aws_instance.this.instance_type == "t3.micro" && output.ami_id == "ami-0aaaaaaaaaaaaaaaa"
    error_message = "A t3.micro with the newest image is made."
  }
  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].volume_size == 8
    error_message = "The root volume is encrypted, and of the default size."
  }
  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required"
    error_message = "Instance metadata must need a token (IMDSv2)."
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0 && length(aws_key_pair.this) == 0
    error_message = "Nothing may connect unless it is asked for."
  }
}

run "newer_image_does_not_replace" {
  command = plan
  override_data {
    target = data.aws_ami.newest
    values = {
      id = "ami-0bbbbbbbbbbbbbbbb"
    }
  }
  assert {
    condition     = aws_instance.this.ami == "ami-0aaaaaaaaaaaaaaaa"
    error_message = "An instance in use keeps its image."
  }
}

run "chosen_image_replaces" {
  variables {
    ami_id = "ami-0123456789abcdef0"
  }
  assert {
    condition     = output.ami_id == "ami-0123456789abcdef0" && length(data.aws_ami.newest) == 0
    error_message = "The image that was asked for is used, which takes a new instance, and none is looked up."
  }
}

run "ssh" {
  variables {
    ssh_public_key  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIhz2GK/XCUj4i6Q5yQJNL1MKLHqg3LxQ8gmOnV0Bj4v ada"
    ssh_cidr_blocks = ["203.0.113.0/24", "198.51.100.7/32"]
  }
  assert {
    condition = alltrue([
      for cidr in ["203.0.113.0/24", "198.51.100.7/32"] :
      aws_vpc_security_group_ingress_rule.ssh[cidr].from_port == 22 && aws_vpc_security_group_ingress_rule.ssh[cidr].to_port == 22
    ])
    error_message = "Port 22 opens for each network."
  }
  assert {
    condition     = aws_instance.this.key_name == aws_key_pair.this[0].key_name
    error_message = "The instance gets the key."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name            = "Bench_1"
    region          = "Virginia"
    instance_type   = "big"
    volume_size     = 501
    ami_id          = "ubuntu"
    ssh_public_key  = "-----BEGIN OPENSSH PRIVATE KEY-----"
    ssh_cidr_blocks = ["everywhere"]
  }
  expect_failures = [
    var.name,
    var.region,
    var.instance_type,
    var.volume_size,
    var.ami_id,
    var.ssh_public_key,
    var.ssh_cidr_blocks,
  ]
}

run "refuses_open_ssh" {
  command = plan
  variables {
    ssh_cidr_blocks = ["0.0.0.0/0"]
  }
  expect_failures = [var.ssh_cidr_blocks]
}
