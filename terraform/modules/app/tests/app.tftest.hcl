variables {
  name               = "stackyard-test"
  image_prefix       = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
  domain             = "stackyard.example.com"
  certificate_arn    = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
  web_acl_arn        = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/x/1"
  security_group_id  = "sg-edge"
  proxy_cidrs        = ["10.40.224.0/21"]
  network_cidr       = "10.40.0.0/16"
  service_cidr       = "172.20.0.0/16"
  isolated_cidrs     = ["10.40.192.0/21"]
  password_version   = 3
  runners            = { min = 1, max = 4 }
  runner_node_labels = { "stackyard.dev/group" = "runners" }
  bucket_urls        = { blobs = "s3://b/stackyard/blobs", documents = "s3://d/stackyard/documents" }
  database_secrets   = { gateway = "x/database/gateway", stacks = "x/database/stacks", quota = "x/database/quota" }
  seal_secret        = "x/seal-key"
  session_secret     = "x/session-keys"
}

run "values" {
  assert {
    condition     = !contains(keys(yamldecode(output.values).image), "tag")
    error_message = "No image is named unless one is asked for."
  }
  assert {
    condition     = yamldecode(output.values).externalSecrets.database.stacks == { key = "x/database/stacks", property = "url" }
    error_message = "URLs of databases are copied from their secrets."
  }
  assert {
    condition     = yamldecode(output.values).externalSecrets.sessionKeys == { key = "x/session-keys" }
    error_message = "All replicas seal sessions with the same keys, which nothing makes in the cluster."
  }
  assert {
    condition     = yamldecode(output.values).runner.tolerations == [{ key = "stackyard.dev/group", operator = "Equal", value = "runners", effect = "NoSchedule" }]
    error_message = "Runners go to their own nodes."
  }
  assert {
    condition     = yamldecode(output.values).ingress.annotations["alb.ingress.kubernetes.io/wafv2-acl-arn"] == var.web_acl_arn && yamldecode(output.values).ingress.grpc.annotations["alb.ingress.kubernetes.io/wafv2-acl-arn"] == var.web_acl_arn
    error_message = "The firewall is before HTTP and gRPC."
  }
  assert {
    condition = alltrue([
      for ingress in [yamldecode(output.values).ingress, yamldecode(output.values).ingress.grpc] :
      tonumber(ingress.annotations["alb.ingress.kubernetes.io/healthcheck-interval-seconds"]) <= 5
    ])
    error_message = "A rolling update waits for the load balancer, which looks often."
  }
  assert {
    condition     = yamldecode(output.values).networkPolicy.runs.cidrs == ["0.0.0.0/0", "10.40.192.0/21"]
    error_message = "Runs reach the endpoints of AWS."
  }
  assert {
    condition     = yamldecode(output.values).networkPolicy.apiServerCidrs == ["10.40.0.0/16", "172.20.0.0/16"]
    error_message = "Jobs reach the API server by its Service's address too."
  }
  assert {
    condition = alltrue([
      for service in ["gateway", "stacks", "quota"] :
      yamldecode(output.values)[service].podAnnotations == { "stackyard.dev/password-version" = "3" }
    ])
    error_message = "New passwords make new pods of all who have a database."
  }
  assert {
    condition     = yamldecode(output.values).gateway.trustedProxies == ["10.40.224.0/21"]
    error_message = "The load balancer is believed."
  }
  assert {
    condition     = yamldecode(output.values).rest.publicUrl == output.url
    error_message = "People sign in to the console where they are told that it is."
  }
  assert {
    condition     = output.url == "https://stackyard.example.com" && output.grpc_target == "grpc.stackyard.example.com:443"
    error_message = "People are told where it is."
  }
}

run "with_image" {
  variables {
    image_tag = "0123456789ab"
    internal  = true
  }
  assert {
    condition     = yamldecode(output.values).image.tag == "0123456789ab" && yamldecode(output.values).ingress.annotations["alb.ingress.kubernetes.io/scheme"] == "internal"
    error_message = "The image is named, and the load balancer is private."
  }
}

run "refuses_bad_values" {
  command = plan
  variables {
    name             = "X"
    image_prefix     = "https://registry.example.com/"
    image_tag        = "latest"
    domain           = "localhost"
    proxy_cidrs      = ["0.0.0.0/0"]
    network_cidr     = "10.40"
    service_cidr     = "0.0.0.0/0"
    password_version = 0
    isolated_cidrs   = []
    runners          = { min = 3, max = 2 }
    bucket_urls      = { blobs = "s3://b/x", documents = "s3://b/x" }
    database_secrets = { gateway = "x" }
  }
  expect_failures = [
    var.name, var.image_prefix, var.image_tag, var.domain, var.proxy_cidrs, var.network_cidr, var.isolated_cidrs,
    var.service_cidr, var.password_version,
    var.runners, var.bucket_urls, var.database_secrets,
  ]
}
