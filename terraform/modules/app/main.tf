# The values of the Helm chart that follow from an environment. scripts/deploy.sh hands them to Helm,
# after the environment's own values.yaml; why not the Helm provider: docs/adr/0030.

locals {
  grpc_host = "grpc.${var.domain}"

  load_balancer = {
    "alb.ingress.kubernetes.io/certificate-arn" = var.certificate_arn
    "alb.ingress.kubernetes.io/group.name"      = var.name
    # A new pod waits for two good answers before an old one goes.
    "alb.ingress.kubernetes.io/healthcheck-interval-seconds"        = "5"
    "alb.ingress.kubernetes.io/healthcheck-timeout-seconds"         = "3"
    "alb.ingress.kubernetes.io/listen-ports"                        = jsonencode([{ HTTPS = 443 }])
    "alb.ingress.kubernetes.io/manage-backend-security-group-rules" = "true"
    "alb.ingress.kubernetes.io/scheme"                              = var.internal ? "internal" : "internet-facing"
    "alb.ingress.kubernetes.io/security-groups"                     = var.security_group_id
    "alb.ingress.kubernetes.io/ssl-policy"                          = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    "alb.ingress.kubernetes.io/target-type"                         = "ip"
    "alb.ingress.kubernetes.io/wafv2-acl-arn"                       = var.web_acl_arn
    # Watches and logs are streams: the longest silence that the load balancer allows.
    "alb.ingress.kubernetes.io/load-balancer-attributes" = join(",", [
      "idle_timeout.timeout_seconds=4000",
      "routing.http.drop_invalid_header_fields.enabled=true",
      "deletion_protection.enabled=${var.durable}",
    ])
  }

  # Pods take the URLs of their databases when they start: new passwords are new pods.
  new_passwords = {
    podAnnotations = { "stackyard.dev/password-version" = tostring(var.password_version) }
  }

  values = {
    image = merge({ prefix = var.image_prefix }, var.image_tag == null ? {} : { tag = var.image_tag })

    gateway = merge(local.new_passwords, { trustedProxies = var.proxy_cidrs })
    stacks  = local.new_passwords
    quota   = local.new_passwords

    rest = { publicUrl = "https://${var.domain}" }

    runner = {
      nodeSelector = var.runner_node_labels
      tolerations = [
        for key, value in var.runner_node_labels :
        { key = key, operator = "Equal", value = value, effect = "NoSchedule" }
      ]
      autoscaling = { kind = "keda", minReplicas = var.runners.min, maxReplicas = var.runners.max }
    }

    storage = { type = "s3", s3 = var.bucket_urls }

    mutualTLS = { source = "certManager" }

    externalSecrets = {
      enabled     = true
      store       = { kind = "ClusterSecretStore", name = "aws" }
      database    = { for service, name in var.database_secrets : service => { key = name, property = "url" } }
      sealKey     = { key = var.seal_secret }
      sessionKeys = { key = var.session_secret }
    }

    ingress = {
      enabled   = true
      className = "alb"
      host      = var.domain
      annotations = merge(local.load_balancer, {
        "alb.ingress.kubernetes.io/healthcheck-path" = "/readyz"
      })
      grpc = {
        enabled = true
        host    = local.grpc_host
        annotations = merge(local.load_balancer, {
          "alb.ingress.kubernetes.io/backend-protocol-version" = "GRPC"
          "alb.ingress.kubernetes.io/healthcheck-path"         = "/grpc.health.v1.Health/Check"
          "alb.ingress.kubernetes.io/success-codes"            = "0"
        })
      }
    }

    networkPolicy = {
      databaseCidrs = var.isolated_cidrs
      # Pods call it by the address of its Service; policies are judged before that is translated.
      apiServerCidrs   = [var.network_cidr, var.service_cidr]
      podIdentityCidrs = ["169.254.170.23/32"]
      # The whole internet but the environment's own network, and in that the endpoints of AWS.
      runs = { cidrs = concat(["0.0.0.0/0"], var.isolated_cidrs) }
    }

    monitoring = {
      serviceMonitor = { enabled = true, labels = { release = "prometheus" } }
      rules          = { enabled = true, labels = { release = "prometheus" } }
      dashboards     = { enabled = true }
    }
  }
}
