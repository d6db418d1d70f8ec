# Makes the records of load balancers (ExternalDNS), where the zone is kept in this account.

data "aws_iam_policy_document" "dns" {
  count = var.zone_id == null ? 0 : 1

  statement {
    sid       = "Records"
    actions   = ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:ListTagsForResources"]
    resources = ["arn:${local.partition}:route53:::hostedzone/${var.zone_id}"]
  }

  statement {
    sid       = "Look"
    actions   = ["route53:ListHostedZones"]
    resources = ["*"]
  }
}

module "dns" {
  count = var.zone_id == null ? 0 : 1

  source = "../workload_role"

  name            = "${var.cluster_name}-dns"
  cluster_name    = var.cluster_name
  namespace       = "external-dns"
  service_account = "external-dns"
  policies        = { records = data.aws_iam_policy_document.dns[0].json }
}
