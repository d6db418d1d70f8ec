# Sizes the node groups.

data "aws_iam_policy_document" "autoscaler" {
  # checkov:skip=CKV_AWS_111: it changes what has the cluster's tag
  # checkov:skip=CKV_AWS_356: groups have names that nobody knows beforehand; they are told by their tag

  statement {
    sid = "Look"
    actions = [
      "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
      "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
      "ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
    ]
    resources = ["*"]
  }

  # EKS gives this tag to the groups of its node groups.
  statement {
    sid       = "SizeItsOwnGroups"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.cluster_name}"
      values   = ["owned"]
    }
  }
}

module "autoscaler" {
  source = "../workload_role"

  name            = "${var.cluster_name}-autoscaler"
  cluster_name    = var.cluster_name
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  policies        = { scale = data.aws_iam_policy_document.autoscaler.json }
}
