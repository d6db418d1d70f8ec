resource "aws_launch_template" "node" {
  name_prefix = "${var.name}-node-"
  description = "Nodes of stack ${var.stackyard_stack_uid}"

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.volume_size
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  # One hop: pods do not get the credentials of their node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # The provider's tags end at the node group.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = local.tags
    }
  }

  lifecycle {
    # They change with the name alone, which makes a new template. Emulators of AWS add one.
    ignore_changes = [tag_specifications]
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "${var.name}-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = var.private_nodes ? aws_subnet.private[*].id : aws_subnet.public[*].id
  ami_type               = "AL2023_x86_64_STANDARD"
  instance_types         = [var.instance_type]

  scaling_config {
    min_size     = var.desired_capacity
    desired_size = var.desired_capacity
    max_size     = var.desired_capacity
  }

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  lifecycle {
    # A type of another size is a new group: the old nodes serve until the new ones do.
    create_before_destroy = true
    # A launch template rules it out, and emulators of AWS make one up.
    ignore_changes = [remote_access]
  }

  # Nodes need them to join, and to leave.
  depends_on = [
    aws_iam_role_policy_attachment.node,
    aws_route_table_association.public,
    aws_route_table_association.private,
  ]
}

# One for each node, for the meters: they add up resources, and the node group is only one.
resource "terraform_data" "node" {
  count = var.desired_capacity

  input = {
    instance_type = var.instance_type
    volume_size   = var.volume_size
  }
}
