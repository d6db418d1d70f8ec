provider "aws" {
  region = var.region

  default_tags {
    tags = {
      application = "stackyard"
      environment = "staging"
    }
  }
}
