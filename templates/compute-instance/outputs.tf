output "instance_id" {
  description = "Id of the instance."
  value       = aws_instance.this.id
}

output "private_ip" {
  description = "Address inside the VPC."
  value       = aws_instance.this.private_ip
}

output "public_ip" {
  description = "Public address."
  value       = aws_instance.this.public_ip
}

output "ami_id" {
  description = "Image that the instance was started from."
  value       = aws_instance.this.ami
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "security_group_id" {
  description = "Id of the instance's security group."
  value       = aws_security_group.this.id
}
