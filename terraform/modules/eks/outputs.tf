output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "Address of its API server."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "Authority of its API server, base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "security_group_id" {
  description = "Security group that the control plane and all nodes are in."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "oidc_provider" {
  description = "For roles that are taken by IRSA."
  value = {
    arn = aws_iam_openid_connect_provider.this.arn
    url = aws_eks_cluster.this.identity[0].oidc[0].issuer
  }
}

output "service_cidr" {
  description = "Addresses of Services."
  value       = aws_eks_cluster.this.kubernetes_network_config[0].service_ipv4_cidr
}
