output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "cidr_block" {
  description = "Addresses of the network."
  value       = aws_vpc.this.cidr_block
}

output "private_subnet_ids" {
  description = "Subnets for nodes and pods, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnet_ids" {
  description = "Subnets for load balancers, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "isolated_subnet_ids" {
  description = "Subnets for databases and endpoints, by zone; no route leads out of them."
  value       = { for zone, subnet in aws_subnet.isolated : zone => subnet.id }
}

output "nat_gateway_ids" {
  description = "NAT gateways, by zone."
  value       = { for zone, gateway in aws_nat_gateway.this : zone => gateway.id }
}

output "nat_addresses" {
  description = "Public addresses that the environment is seen by from outside, by zone."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}

output "isolated_cidr_blocks" {
  description = "Addresses of the isolated subnets, by zone."
  value       = { for zone, subnet in aws_subnet.isolated : zone => subnet.cidr_block }
}

output "private_cidr_blocks" {
  description = "Addresses of the private subnets, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block }
}

output "public_cidr_blocks" {
  description = "Addresses of the public subnets, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block }
}
