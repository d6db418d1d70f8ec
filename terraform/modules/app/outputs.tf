output "values" {
  description = "Values of the Helm chart, YAML."
  value       = yamlencode(local.values)
}

output "url" {
  description = "Address of the console and of REST."
  value       = "https://${var.domain}"
}

output "grpc_target" {
  description = "Address of gRPC."
  value       = "${local.grpc_host}:443"
}

output "image_prefix" {
  description = "Registry of the images."
  value       = var.image_prefix
}
