mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/x" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }
  mock_resource "aws_eks_cluster" {
    defaults = {
      identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC" }] }]
    }
  }
}

variables {
  name               = "stackyard-test"
  kubernetes_version = "1.33"
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  deployer_role_arns = { github = "arn:aws:iam::123456789012:role/stackyard-github-staging" }
  node_groups = {
    general       = { instance_types = ["m7i.large"], min_size = 2, max_size = 6 }
    observability = { instance_types = ["m7i.large"], min_size = 1, max_size = 2, taint = "stackyard.dev/group=observability" }
  }
}

run "defaults" {
  assert {
    condition     = !aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].endpoint_private_access
    error_message = "The API server is reached from the network alone unless somebody is let in."
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"])
    error_message = "All logs of the control plane are on, and secrets are encrypted."
  }
  assert {
    condition     = one(aws_eks_node_group.this["observability"].taint).effect == "NO_SCHEDULE" && length(aws_eks_node_group.this["general"].taint) == 0
    error_message = "Only what tolerates it goes to the observability group."
  }
  assert {
    condition     = alltrue([for template in aws_launch_template.node : template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Pods must not reach the metadata of nodes."
  }
  assert {
    condition     = tolist(aws_eks_access_policy_association.deployer["github"].access_scope[0].namespaces) == tolist(["stackyard"])
    error_message = "Who deploys may edit one namespace."
  }
}

run "public_for_some" {
  variables {
    public_access_cidrs = ["203.0.113.0/24"]
  }
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The API server is open to those networks."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name                = "-x"
    kubernetes_version  = "latest"
    subnet_ids          = ["subnet-1"]
    public_access_cidrs = ["0.0.0.0/0"]
    node_groups         = { general = { instance_types = [], min_size = 2, max_size = 1 } }
  }
  expect_failures = [var.name, var.kubernetes_version, var.subnet_ids, var.public_access_cidrs, var.node_groups]
}
