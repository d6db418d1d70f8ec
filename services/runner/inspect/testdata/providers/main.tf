terraform {
  required_version = ">= 1.6"
}

terraform {
  required_version = "< 2.0"

  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = ">= 5.0"
      configuration_aliases = [aws.west]
    }
    cloudy = {
      source = "Example.org/Team/Cloudy"
    }
    old = "~> 1.0"
    bad = {
      source = "a/b/c/d"
      colour = "red"
    }
  }

  cloud {
    organization = "x"
  }
}

provider "aws" {
  region  = var.region
  version = "< 6.0"
}

provider "aws" {
  alias = "west"
}

resource "cloudy_thing" "a" {}

resource "aws_vpc" "a" {
  provider = aws.west
}

resource "google_compute_instance" "a" {
  provider = google-beta
}

resource "null_resource" "a" {
  provider = nul.by_key[each.key]
}

resource "terraform_data" "a" {}

data "terraform_remote_state" "a" {
  backend = "local"
}
