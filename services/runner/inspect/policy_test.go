package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// held returns what a policy says of a module, as "file:line detail".
func held(t *testing.T, policy string, files map[string]string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := inspectWith(file, write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, diag := range report.Diagnostics {
		out = append(out, diag.Severity+" "+diag.File+": "+diag.Detail)
		if diag.Line == 0 {
			t.Errorf("no line: %v", diag)
		}
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d diagnostics, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

var everything = map[string]string{
	"main.tf": `
terraform {
  required_providers {
    aws  = { source = "hashicorp/aws" }
    evil = { source = "example.com/evil/evil" }
  }
}
module "far" { source = "git::https://example.com/far.git" }
module "near" { source = "./near" }
data "external" "run" { program = ["id"] }
check "c" {
  data "external" "again" { program = ["id"] }
}
`,
	"near/main.tf": `
resource "aws_instance" "x" {
  provisioner "remote-exec" { inline = ["id"] }
}
resource "terraform_data" "y" {
  provisioner "local-exec" { command = "id" }
}
`,
	"near/more.tf.json": `{"resource": {"terraform_data": {"z": {"provisioner": [{"local-exec": {"command": "id"}}]}}}}`,
}

func TestPolicyNamesEveryFaultWithItsPlace(t *testing.T) {
	got := held(t, `{"providers": ["registry.terraform.io/hashicorp/*"], "denied_data_sources": ["external"]}`, everything)
	expect(t, got,
		`error main.tf: The provider example.com/evil/evil is none of registry.terraform.io/hashicorp/*.`,
		`error main.tf: The module "far" comes from "git::https://example.com/far.git"; modules may come from the template itself.`,
		`error main.tf: external.run reads the data source external.`,
		`error main.tf: external.again reads the data source external.`,
		`error near/main.tf: module.near.aws_instance.x has the provisioner remote-exec; allowed are: none.`,
		`error near/main.tf: module.near.terraform_data.y has the provisioner local-exec; allowed are: none.`,
		`error near/more.tf.json: module.near.terraform_data.z has the provisioner local-exec; allowed are: none.`,
	)
}

func TestPolicyAllowsWhatItNames(t *testing.T) {
	expect(t, held(t, `{"module_sources": ["git::https://example.com/*"], "provisioners": ["local-exec", "remote-exec"]}`, everything))
	// Part of Terraform itself.
	expect(t, held(t, `{"providers": ["registry.terraform.io/hashicorp/aws"]}`, map[string]string{
		"main.tf": `resource "terraform_data" "x" {}`,
	}))
}

// An override file replaces a block when Terraform runs; both sides are held against the policy.
func TestPolicySeesOverrides(t *testing.T) {
	got := held(t, `{}`, map[string]string{
		"main.tf":          `resource "terraform_data" "x" {}`,
		"main_override.tf": "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" { command = \"id\" }\n}",
	})
	expect(t, got, "main_override.tf: terraform_data.x has the provisioner local-exec")
}

// A module can call a provider by another name than it has.
func TestPolicySeesThroughLocalNames(t *testing.T) {
	got := held(t, `{"providers": ["*/hashicorp/aws"]}`, map[string]string{
		"main.tf": "terraform {\n  required_providers {\n    aws = { source = \"example.com/evil/aws\" }\n  }\n}\nresource \"aws_instance\" \"x\" {}\nresource \"null_resource\" \"y\" { provider = aws }",
	})
	expect(t, got, "main.tf: The provider example.com/evil/aws is none of")
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"*", "a/b", true}, {"a*", "abc", true},
		{"*c", "abc", true}, {"a*c", "abcd", false}, {"a*b*c", "axxbyyc", true}, {"a**c", "ac", true}, {"", "a", false},
	} {
		if matches(c.pattern, c.text) != c.want {
			t.Errorf("matches(%q, %q) is not %v", c.pattern, c.text, c.want)
		}
	}
}

func TestPolicyFilesThatAreNone(t *testing.T) {
	dir := write(t, map[string]string{"main.tf": ""})
	for _, content := range []string{"", "[]", `{"provisioner": []}`} {
		file := filepath.Join(t.TempDir(), "policy.json")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := inspectWith(file, dir); err == nil {
			t.Errorf("%q was taken for a policy", content)
		}
	}
	if code := run([]string{"-policy", "/nonexistent", dir}, os.Stdout, os.Stderr); code != 2 {
		t.Errorf("a missing policy ends with %d", code)
	}
}

func TestFileCalls(t *testing.T) {
	report := inspect(t, write(t, map[string]string{"main.tf": `
locals {
  a = file("/etc/passwd")
  b = { x = [for i in [1] : templatefile("../../secret", {})] }
  c = file("${path.module}/in.txt")
  d = file("below/../in.txt")
  e = filebase64("~/.aws/credentials")
  f = upper("/etc/passwd")
}
`}))
	var lines []int
	for _, diag := range report.Diagnostics {
		if diag.Severity != "warning" {
			t.Errorf("no warning: %v", diag)
		}
		lines = append(lines, diag.Line)
	}
	if !slices.Equal(lines, []int{3, 4, 7}) {
		t.Errorf("warned of lines %v", lines)
	}
}
