mock_provider "aws" {
  source = "../mocks"
}

variables {
  name            = "stackyard-test-stacks"
  cluster_name    = "stackyard-test"
  namespace       = "stackyard"
  service_account = "stackyard-stacks"
  policies        = { blobs = "{}" }
}

run "pod_identity" {
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 1 && data.aws_iam_policy_document.trust.statement[0].principals != null
    error_message = "Without an OIDC provider the pods get the role by pod identity."
  }
}

run "irsa" {
  variables {
    oidc_provider = {
      arn = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"
      url = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    }
  }
  assert {
    condition     = length(aws_eks_pod_identity_association.this) == 0
    error_message = "With an OIDC provider there is no association."
  }
  assert {
    condition     = toset(data.aws_iam_policy_document.trust.statement[0].actions) == toset(["sts:AssumeRoleWithWebIdentity"])
    error_message = "The role is taken with the pod's own token."
  }
}

run "refuses_bad_names" {
  command = plan
  variables {
    name = "a role"
  }
  expect_failures = [var.name]
}
