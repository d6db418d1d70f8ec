#include "services/runner/plan_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/runner/testing/files.h"
#include "services/runner/testing/live_terraform.h"
#include "services/runner/testing/plan_oracle.h"

namespace stackyard::runner {
namespace {

using internal::v1::PlanSummary;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kMetered = {"id",
                                           "input",
                                           "input.size",
                                           "input.list.0",
                                           "input.secret",
                                           "triggers_replace",
                                           "input.nothing.x",
                                           "output"};

class PlanDocumentTest : public testing::Test {
 protected:
  // Plans a module in the state that the last one left.
  PlanSummary Plan(const std::string& hcl, const std::string& flags = "") {
    terraform_.Write("main.tf", hcl);
    terraform_.Run("init -input=false");
    terraform_.Run("plan -input=false -out=plan " + flags);
    return ExpectSame(terraform_.Read("plan"), terraform_.Run("show -json plan"), "terraform_data",
                      kMetered);
  }
  void Apply() { terraform_.Run("apply -input=false plan"); }

  LiveTerraform terraform_;
};

TEST(RecordedPlanTest, TellsTheSame) {
  ResourceSchemas schemas;
  ASSERT_TRUE(
      schemas.AddProvider("registry.terraform.io/hashicorp/aws", TestData("aws.schema")).ok());
  for (const char* name : {"create", "change", "destroy", "aws", "drift"}) {
    SCOPED_TRACE(name);
    const PlanSummary summary = ExpectSame(
        TestData(std::string(name) + ".plan"), TestData(std::string(name) + ".show.json"),
        "aws_sqs_queue", {"delay_seconds", "arn", "policy"}, schemas);
    EXPECT_GT(summary.plan().changes_size(), 0);
    EXPECT_THAT(summary.DebugString(), Not(HasSubstr("schema-secret-value")));
    EXPECT_THAT(summary.DebugString(), Not(HasSubstr("hunter2")));
  }
}

TEST(RecordedPlanTest, AnUnknownTypeIsTerraformsToTell) {
  for (const char* name : {"aws.plan", "drift.plan"}) {
    const auto read = ReadDirectly(TestData(name), {});
    EXPECT_EQ(read.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("the schema of aws_"));
  }
}

TEST(RecordedPlanTest, DamageIsFoundNotGuessedAround) {
  const std::string plan = TestData("change.plan");
  for (size_t size = 0; size < plan.size(); size += 97) {
    EXPECT_FALSE(PlanFile::Read(std::string_view(plan).substr(0, size)).ok()) << size;
  }
  for (const char* text : {"", "PK", "{\"encrypted\": true}"}) {
    EXPECT_EQ(PlanFile::Read(text).status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST_F(PlanDocumentTest, ValuesOfEachType) {
  const PlanSummary summary = Plan(R"(
resource "terraform_data" "all" {
  input = {
    size    = 3
    numbers = [0, -1, 255, 256, 65536, -129, 4294967296, 9223372036854775807, 9223372036854775808,
               18446744073709551616, 100000000000000000000, 0.1, 1.5, -2.25, 1 / 3, 1e100, 1e-9]
    list    = tolist(["a", "b"])
    set     = toset(["b", "a", "ü"])
    map     = tomap({ "k.1" = 1, "k[0]" = 2 })
    nothing = null
    empty   = { list = [], map = {}, text = "" }
    bools   = [true, false]
    deep    = [[[{ a = [{ b = 1 }] }]]]
    text    = "line\nbreak \"quoted\" <&> \u2028 𝄞"
    unknown = terraform_data.other.id
    partly  = ["a", terraform_data.other.id, { b = terraform_data.other.output }]
    long    = join("", [for i in range(1000) : "0123456789"])
  }
}
resource "terraform_data" "other" {
  input            = [terraform_data.third.id]
  triggers_replace = { a = null }
}
resource "terraform_data" "third" {}
)");
  EXPECT_EQ(summary.plan().to_create(), 3);
  EXPECT_EQ(summary.resources_size(), 3);
}

TEST_F(PlanDocumentTest, EachAction) {
  constexpr char kModule[] = R"(
variable "round" { type = number }
resource "terraform_data" "kept" { input = "kept" }
resource "terraform_data" "updated" { input = { size = var.round, list = [var.round] } }
resource "terraform_data" "replaced" { triggers_replace = [var.round, "x"] }
resource "terraform_data" "first" {
  triggers_replace = { a = var.round }
  lifecycle { create_before_destroy = true }
}
resource "terraform_data" "counted" {
  count = var.round == 1 ? 12 : 11
  input = count.index
}
resource "terraform_data" "each" {
  for_each = var.round == 1 ? toset(["a", "b\"c", "$${d}", "e.f[0]"]) : toset(["a", "e.f[0]"])
  input    = each.key
}
resource "terraform_data" "after" {
  lifecycle { replace_triggered_by = [terraform_data.updated] }
}
resource "terraform_data" "removed" { count = var.round == 1 ? 1 : 0 }
output "round" { value = var.round }
output "kept" { value = terraform_data.kept.output }
output "late" { value = { id = [terraform_data.replaced.id, 1] } }
)";
  Plan(kModule, "-var round=1");
  Apply();
  terraform_.Run("taint 'terraform_data.counted[3]'");
  const PlanSummary changed = Plan(kModule, "-var round=2");
  EXPECT_EQ(changed.plan().to_destroy(), 4);
  EXPECT_EQ(changed.plan().to_replace(), 4);
  Plan(kModule, "-destroy -var round=1");
  Plan(kModule, "-refresh-only -var round=2");
  Plan(kModule, "-var round=1 -replace=terraform_data.kept");
}

TEST_F(PlanDocumentTest, MovedAndRemoved) {
  Plan(R"(
resource "terraform_data" "a" { input = 1 }
resource "terraform_data" "forgotten" { input = 2 }
resource "terraform_data" "gone" { input = 3 }
resource "terraform_data" "list" {
  count = 2
  input = count.index
}
)");
  Apply();
  const PlanSummary summary = Plan(R"(
resource "terraform_data" "b" { input = 1 }
moved {
  from = terraform_data.a
  to   = terraform_data.b
}
resource "terraform_data" "list" { input = 7 }
removed {
  from = terraform_data.forgotten
  lifecycle { destroy = false }
}
)");
  EXPECT_EQ(summary.plan().to_destroy(), 2);
  for (const auto& resource : summary.resources()) {
    EXPECT_NE(resource.address(), "terraform_data.forgotten") << "nobody pays for it any more";
  }
}

TEST_F(PlanDocumentTest, Imported) {
  const PlanSummary summary = Plan(R"(
import {
  id = "an-id"
  to = terraform_data.old
}
resource "terraform_data" "old" { input = "new" }
)");
  EXPECT_EQ(summary.plan().changes_size(), 1);
}

TEST_F(PlanDocumentTest, Modules) {
  terraform_.Write("child/main.tf", R"(
variable "names" { type = set(string) }
variable "token" {
  type      = string
  sensitive = true
}
resource "terraform_data" "one" {
  for_each = var.names
  input    = { name = each.key, secret = var.token }
}
module "deep" {
  source = "./deep"
  count  = 2
}
output "ids" { value = [for one in terraform_data.one : one.id] }
)");
  terraform_.Write("child/deep/main.tf", R"(
resource "terraform_data" "two" { input = path.module }
)");
  constexpr char kModule[] = R"(
module "b" {
  source   = "./child"
  for_each = toset(["x", "y"])
  names    = toset([each.key, "z"])
  token    = "token-of-a-child"
}
module "a" {
  source = "./child"
  names  = toset(["p"])
  token  = terraform_data.root.id
}
resource "terraform_data" "root" { input = module.b["x"].ids }
)";
  const PlanSummary summary = Plan(kModule);
  EXPECT_EQ(summary.plan().to_create(), 12);
  EXPECT_THAT(summary.DebugString(), Not(HasSubstr("token-of-a-child")));
  Apply();
  Plan(kModule, "-destroy");
}

TEST_F(PlanDocumentTest, SecretsAreMarkedTheSameWay) {
  constexpr char kModule[] = R"(
variable "password" {
  type      = string
  sensitive = true # "quoted" {
  validation {
    condition     = length(var.password) > 2
    error_message = "Too short: ${length("}\"")}."
  }
}
variable "fallback" {
  sensitive = true
  default   = "secret-by-default"
}
variable "open" {
  default   = { sensitive = "sensitive" }
  sensitive = false
}
variable "round" { default = 1 }
resource "terraform_data" "whole" { input = var.password }
resource "terraform_data" "part" {
  input = {
    size   = var.round
    secret = var.password
    list   = ["a", var.password, sensitive(var.round)]
    map    = { a = { b = var.password } }
    set    = toset(["x", var.password])
    copied = nonsensitive(var.fallback)
  }
  triggers_replace = [sensitive(var.round)]
}
output "password" {
  value     = var.password
  sensitive = true
}
output "mixed" {
  value     = { a = var.round, b = var.password }
  sensitive = true
}
)";
  const PlanSummary created = Plan(kModule, "-var password=hunter2-is-secret");
  EXPECT_THAT(created.DebugString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(created.DebugString(), Not(HasSubstr("secret-by-default")));
  Apply();
  for (const char* flags :
       {"-var password=hunter3-is-secret -var round=2", "-destroy -var password=hunter2-is-secret",
        "-refresh-only -var password=hunter2-is-secret"}) {
    const PlanSummary summary = Plan(kModule, flags);
    EXPECT_THAT(summary.DebugString(), Not(HasSubstr("-is-secret"))) << flags;
    EXPECT_THAT(summary.DebugString(), Not(HasSubstr("secret-by-default"))) << flags;
  }
}

TEST_F(PlanDocumentTest, WhatOthersChanged) {
  constexpr char kModule[] = R"(
resource "terraform_data" "a" { input = { size = 1 } }
resource "terraform_data" "b" { input = terraform_data.a.output }
)";
  Plan(kModule);
  Apply();
  std::string state = terraform_.Read("terraform.tfstate");
  const std::string was = "\"size\": 1";
  ASSERT_NE(state.find(was), std::string::npos);
  state.replace(state.find(was), was.size(), "\"size\": 9");
  terraform_.Write("terraform.tfstate", state);
  EXPECT_EQ(Plan(kModule).plan().to_update(), 2) << "the second follows the first";
}

TEST_F(PlanDocumentTest, NothingToDo) {
  const PlanSummary empty = Plan("");
  EXPECT_EQ(empty.plan().changes_size(), 0);
  Plan("resource \"terraform_data\" \"a\" {}");
  Apply();
  EXPECT_EQ(Plan("resource \"terraform_data\" \"a\" {}").plan().changes_size(), 0);
}

TEST_F(PlanDocumentTest, AsksTerraformWhereItMustNotGuess) {
  const auto refused = [this](const std::string& hcl, const std::string& flags = "") {
    terraform_.Write("main.tf", hcl);
    terraform_.Run("init -input=false");
    terraform_.Run("plan -input=false -out=plan " + flags);
    const auto read = ReadDirectly(terraform_.Read("plan"), {});
    EXPECT_EQ(read.status().code(), absl::StatusCode::kFailedPrecondition) << hcl;
    return std::string(read.status().message());
  };
  EXPECT_THAT(refused("resource \"terraform_data\" \"a\" {}\n"
                      "variable \"v\" {\n  sensitive = !false\n  default = \"x\"\n}"),
              HasSubstr("evaluated"));
  EXPECT_THAT(refused("variable \"v\" {\n  sensitive = true\n  default = 1234\n  type = string\n}\n"
                      "resource \"terraform_data\" \"a\" {}"),
              HasSubstr("evaluated"));
  terraform_.Write("more.tf.json", R"({"variable": {"w": {"default": 1, "sensitive": true}}})");
  EXPECT_THAT(refused("resource \"terraform_data\" \"a\" {}"), HasSubstr("more.tf.json"));
}

}  // namespace
}  // namespace stackyard::runner
