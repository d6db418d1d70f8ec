variable "count_of" {
  type    = number
  default = 1
}

resource "terraform_data" "good" {
  input = var.count_of
}

resource "terraform_data" "bad" {
  depends_on = [terraform_data.good]

  provisioner "local-exec" {
    command = "echo working; exit 3"
  }
}
