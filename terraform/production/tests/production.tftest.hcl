mock_provider "aws" {
  source = "../modules/mocks"
}

variables {
  domain          = "stackyard.example.com"
  admin_role_arns = { platform = "arn:aws:iam::123456789012:role/platform-admin" }
  image_tag       = "0123456789abcdef"
}

run "values" {
  command = plan
  assert {
    condition     = output.cluster_name == "stackyard-production" && output.namespace == "stackyard" && output.url == "https://stackyard.example.com"
    error_message = "The environment has its own cluster, and tells where it is."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    region          = "Frankfurt"
    admin_role_arns = {}
  }
  expect_failures = [var.region, var.admin_role_arns]
}
