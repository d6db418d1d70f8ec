mock_provider "aws" {
  source = "../mocks"
}

variables {
  name               = "stackyard-test"
  kubernetes_version = "1.33"
  log_key_arn        = "arn:aws:kms:eu-central-1:123456789012:key/1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  deployer_role_arns = { github = "arn:aws:iam::123456789012:role/stackyard-github-staging" }
  node_groups = {
    general       = { instance_types = ["m7i.large"], min_size = 2, max_size = 6 }
    observability = { instance_types = ["m7i.large"], min_size = 1, max_size = 2, spot = true, taint = "stackyard.dev/group=observability" }
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
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Who makes the cluster is nobody in it but by an access entry."
  }
  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies are enforced."
  }
  assert {
    condition     = toset(concat(keys(aws_eks_addon.before_nodes), keys(aws_eks_addon.after_nodes))) == toset(["vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "aws-ebs-csi-driver", "metrics-server"])
    error_message = "Network, DNS, volumes, roles of pods and metrics are add-ons."
  }
  assert {
    condition     = alltrue([for template in aws_launch_template.node : tobool(template.block_device_mappings[0].ebs[0].encrypted)])
    error_message = "Disks of nodes are encrypted."
  }
  assert {
    condition     = one(aws_eks_node_group.this["observability"].taint).effect == "NO_SCHEDULE" && length(aws_eks_node_group.this["general"].taint) == 0
    error_message = "Only what tolerates it goes to the observability group."
  }
  assert {
    condition     = aws_eks_node_group.this["observability"].capacity_type == "SPOT" && aws_eks_node_group.this["general"].capacity_type == "ON_DEMAND"
    error_message = "Spot nodes are asked for."
  }
  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.version == "1.33"])
    error_message = "Nodes are of the control plane's version, and follow it."
  }
  assert {
    condition     = aws_eks_cluster.this.kubernetes_network_config[0].service_ipv4_cidr == "172.20.0.0/16" && output.service_cidr == "172.20.0.0/16"
    error_message = "Addresses of Services are told: policies name them."
  }
  assert {
    condition     = alltrue([for template in aws_launch_template.node : template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Pods must not reach the metadata of nodes."
  }
  assert {
    condition     = aws_eks_access_entry.deployer["github"].kubernetes_groups == toset(["stackyard:deployers"]) && length(aws_eks_access_policy_association.admin) == 0
    error_message = "Who deploys is in a group, and administers nothing."
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

run "refuses_other_bad_values" {
  command = plan
  variables {
    node_groups        = { general = { instance_types = ["m7i.large"], min_size = 1, max_size = 2, taint = "runners" } }
    admin_role_arns    = { me = "admin" }
    deployer_role_arns = { github = "arn:aws:s3:::bucket" }
    addons             = ["coredns"]
    log_days           = 8
    log_key_arn        = "key"
    service_cidr       = "172.20.0.0/8"
  }
  expect_failures = [var.service_cidr, var.node_groups, var.admin_role_arns, var.deployer_role_arns, var.addons, var.log_days, var.log_key_arn]
}
