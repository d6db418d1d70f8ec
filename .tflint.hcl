# Rules for all Terraform of terraform/. The ruleset is the one that tflint brings along: others
# would be fetched at every run.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
