mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["us-east-1a", "us-east-1b", "us-east-1c"]
    }
  }
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      endpoint              = "https://0123.gr7.us-east-1.eks.amazonaws.com"
      certificate_authority = [{ data = "Y2VydGlmaWNhdGU=" }]
    }
  }
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mock"
    }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:us-east-1:123456789012:key/mock"
    }
  }
  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }
}

variables {
  name                = "bench-1"
  stackyard_stack_uid = "0123456789abcdef"
}

run "defaults" {
  assert {
    condition     = aws_eks_node_group.this.instance_types[0] == "t3.medium" && aws_eks_node_group.this.scaling_config[0].desired_size == 2
    error_message = "Two nodes of t3.medium are made."
  }
  assert {
    condition     = aws_eks_node_group.this.scaling_config[0].min_size == aws_eks_node_group.this.scaling_config[0].max_size
    error_message = "The group has the size that is counted, and no other."
  }
  assert {
    condition     = length(terraform_data.node) == 2 && terraform_data.node[0].input.instance_type == "t3.medium" && terraform_data.node[0].input.volume_size == 20
    error_message = "What the meters read is there once for each node."
  }
  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Pods must not reach the credentials of their node."
  }
  assert {
    condition     = aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.node.block_device_mappings[0].ebs[0].volume_size == 20
    error_message = "Root volumes are encrypted, and of the default size."
  }
  assert {
    condition = alltrue([
      for kind in aws_launch_template.node.tag_specifications : kind.tags["stackyard:stack-uid"] == "0123456789abcdef"
    ]) && length(aws_launch_template.node.tag_specifications) == 3
    error_message = "Instances, volumes and interfaces carry the stack's tag."
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_subnet.private) == 0 && length(aws_kms_key.secrets) == 0
    error_message = "Nothing that costs is made unless it is asked for."
  }
  assert {
    condition     = aws_subnet.public[0].availability_zone != aws_subnet.public[1].availability_zone && aws_subnet.public[0].cidr_block != aws_subnet.public[1].cidr_block
    error_message = "Two zones, each with a network of its own."
  }
  assert {
    condition     = length(aws_eks_cluster.this.access_config) == 0 && length(aws_eks_access_entry.administrator) == 0
    error_message = "Only the credentials that made it administer it."
  }
}

run "kubeconfig" {
  assert {
    condition = (
      yamldecode(output.kubeconfig).clusters[0].cluster.server == "https://0123.gr7.us-east-1.eks.amazonaws.com" &&
      base64decode(yamldecode(output.kubeconfig).clusters[0].cluster["certificate-authority-data"]) == "certificate" &&
      yamldecode(output.kubeconfig)["current-context"] == "bench-1"
    )
    error_message = "It names the cluster and its certificate."
  }
  assert {
    condition     = join(" ", yamldecode(output.kubeconfig).users[0].user.exec.args) == "eks get-token --cluster-name bench-1 --region us-east-1 --output json"
    error_message = "Tokens are asked for, not written down."
  }
}

run "private" {
  variables {
    private_nodes   = true
    api_cidr_blocks = []
    encrypt_secrets = true
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && toset(aws_eks_node_group.this.subnet_ids) == toset(aws_subnet.private[*].id)
    error_message = "Nodes are in the private networks."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "They have no public addresses."
  }
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The API answers inside the VPC alone."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == aws_kms_key.secrets[0].arn && aws_kms_key.secrets[0].enable_key_rotation
    error_message = "Secrets have a key of their own, which rotates."
  }
  assert {
    condition     = length(distinct(concat(aws_subnet.public[*].cidr_block, aws_subnet.private[*].cidr_block))) == 4
    error_message = "No two networks are the same."
  }
}

run "administrators" {
  variables {
    administrator_arns = ["arn:aws:iam::123456789012:role/platform"]
    api_cidr_blocks    = ["203.0.113.0/24"]
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API_AND_CONFIG_MAP"
    error_message = "Entries need the mode for them."
  }
  assert {
    condition     = endswith(aws_eks_access_policy_association.administrator["arn:aws:iam::123456789012:role/platform"].policy_arn, "/AmazonEKSClusterAdminPolicy")
    error_message = "Who is named administers the cluster."
  }
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "Only the networks that are named reach the API."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name               = "Bench_1"
    region             = "Virginia"
    kubernetes_version = "latest"
    instance_type      = "big"
    desired_capacity   = 0
    volume_size        = 8
    vpc_cidr_block     = "10.0.0.0/28"
    api_cidr_blocks    = ["everywhere"]
    administrator_arns = ["ada"]
  }
  expect_failures = [
    var.name,
    var.region,
    var.kubernetes_version,
    var.instance_type,
    var.desired_capacity,
    var.volume_size,
    var.vpc_cidr_block,
    var.api_cidr_blocks,
    var.administrator_arns,
  ]
}

run "refuses_half_nodes" {
  command = plan
  variables {
    desired_capacity = 1.5
    vpc_cidr_block   = "10.0.0.1/20"
  }
  expect_failures = [var.desired_capacity, var.vpc_cidr_block]
}
