"""Modules whose runs are long or large, and what a process takes to bear them."""

# As many resources as asked for.
MANY_YAML = """
title: Many
description: Very many resources.
parameters:
  amount: {minimum: 0, maximum: 10000}
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: required, reviewer_role: devops, required_approvals: 1, expires_after: 24h}
lease: {default: 24h, maximum: 168h}
"""
MANY_MAIN = """
variable "amount" { type = number }
resource "terraform_data" "one" {
  count = var.amount
  input = {
    name  = "resource number ${count.index}"
    index = count.index
    tags  = { owner = "somebody", purpose = "one of very many" }
  }
}
output "amount" { value = length(terraform_data.one) }
"""

# Prints so many lines of 1000 bytes, all of one character and different from each other.
LOUD_YAML = """
title: Loud
description: Prints very much.
approval: {mode: auto}
lease: {default: 24h, maximum: 168h}
"""
LOUD_MAIN = """
variable "lines" { type = number }
resource "terraform_data" "loud" {
  provisioner "local-exec" {
    quiet   = true
    command = "awk 'BEGIN { x = sprintf(\\"%0980d\\", 0); for (i = 0; i < ${var.lines}; i++) printf \\"%010d %s\\\\n\\", i, x }'"
  }
}
resource "terraform_data" "beside" {
  depends_on = [terraform_data.quiet]
}
resource "terraform_data" "quiet" {
  provisioner "local-exec" {
    command = "sleep 1"
  }
}
"""


def many():
    return {"main.tf": MANY_MAIN, "template.yaml": MANY_YAML}


def loud():
    return {"main.tf": LOUD_MAIN, "template.yaml": LOUD_YAML}


def forget_peak(process):
    """Begins to measure anew; answers what the process holds now, in MiB."""
    with open(f"/proc/{process.pid}/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    return peak_mib(process)


def peak_mib(process):
    """The most memory that a process has held since, in MiB."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    raise AssertionError("no VmHWM")
