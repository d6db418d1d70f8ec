#include "services/runner/plan_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "services/runner/attribute_diff.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using internal::v1::PlanSummary;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

PlanSummary Read(const std::string& name, const Assignment& assignment = {}) {
  const auto summary = ReadPlan(TestData(name), assignment, Scrubber(assignment));
  EXPECT_TRUE(summary.ok()) << summary.status();
  return summary.value_or(PlanSummary());
}

const v1::ResourceChange& Change(const PlanSummary& summary, const std::string& address) {
  for (const v1::ResourceChange& change : summary.plan().changes()) {
    if (change.address() == address) return change;
  }
  ADD_FAILURE() << address << " is not among the changes";
  static const v1::ResourceChange kNone;
  return kNone;
}

std::map<std::string, v1::AttributeChange> ByPath(const v1::ResourceChange& change) {
  std::map<std::string, v1::AttributeChange> paths;
  for (const v1::AttributeChange& attribute : change.attributes()) {
    EXPECT_TRUE(paths.emplace(attribute.path(), attribute).second) << attribute.path();
  }
  return paths;
}

TEST(PlanReaderTest, CountsByAction) {
  const PlanSummary summary = Read("change.show.json");
  EXPECT_EQ(summary.plan().to_create(), 0);
  EXPECT_EQ(summary.plan().to_update(), 2);
  EXPECT_EQ(summary.plan().to_replace(), 1);
  EXPECT_EQ(summary.plan().to_destroy(), 1);
  EXPECT_EQ(summary.plan().changes_size(), 4) << "what stays is not told";
  EXPECT_THAT(summary.plan().changed_outputs(), ElementsAre("size"));
}

TEST(PlanReaderTest, ToldByAttribute) {
  const PlanSummary summary = Read("change.show.json");
  const auto updated = ByPath(Change(summary, "terraform_data.updated"));
  EXPECT_EQ(updated.at("input.size").before_json(), "1");
  EXPECT_EQ(updated.at("input.size").after_json(), "2");
  EXPECT_EQ(updated.at("input.tags.1").before_json(), "\"b\"");
  EXPECT_EQ(updated.at("input.tags.1").after_json(), "");
  EXPECT_TRUE(updated.at("output").unknown());
  EXPECT_EQ(updated.count("input.same"), 0U);
  EXPECT_EQ(updated.count("id"), 0U);

  const v1::ResourceChange& replaced = Change(summary, "terraform_data.replaced");
  EXPECT_EQ(replaced.action(), v1::ResourceChange::REPLACE);
  EXPECT_EQ(replaced.reason(), "replace_because_cannot_update");
  EXPECT_TRUE(ByPath(replaced).at("triggers_replace.0").forces_replacement());
  EXPECT_FALSE(ByPath(replaced).at("id").forces_replacement());

  const auto removed = ByPath(Change(summary, "terraform_data.removed[0]"));
  EXPECT_EQ(removed.at("input").before_json(), "\"gone soon\"");
  EXPECT_EQ(removed.at("input").after_json(), "");
}

TEST(PlanReaderTest, SecretsAreLeftOut) {
  for (const char* name : {"create.show.json", "change.show.json", "destroy.show.json"}) {
    ASSERT_THAT(TestData(name), HasSubstr("hunter2-is-secret"));
    const PlanSummary summary = Read(name);
    EXPECT_THAT(summary.DebugString(), Not(HasSubstr("hunter2"))) << name;
  }
  const PlanSummary summary = Read("change.show.json");
  const auto updated = ByPath(Change(summary, "terraform_data.updated"));
  EXPECT_TRUE(updated.at("input.password").sensitive());
  EXPECT_EQ(updated.at("input.password").before_json(), "");
  EXPECT_EQ(updated.at("input.password").after_json(), "");
  // No mark is on the copy that the provider made.
  EXPECT_TRUE(updated.at("output").sensitive());
}

TEST(PlanReaderTest, WhatOnlyTheSchemaMarksIsLeftOut) {
  ASSERT_THAT(TestData("aws.show.json"), HasSubstr("schema-secret-value"));
  Assignment assignment;
  (*assignment.mutable_metered_attributes())["aws_ssm_parameter"].add_paths("value");
  const PlanSummary summary = Read("aws.show.json", assignment);
  EXPECT_THAT(summary.DebugString(), Not(HasSubstr("schema-secret-value")));
  EXPECT_TRUE(ByPath(Change(summary, "aws_ssm_parameter.secret")).at("value").sensitive());
}

TEST(PlanReaderTest, WhatOnlyTheRequesterMarkedIsLeftOut) {
  Assignment assignment;
  (*assignment.mutable_parameters()->mutable_fields())["x"].set_string_value("gone soon");
  assignment.add_sensitive_parameters("x");
  (*assignment.mutable_metered_attributes())["terraform_data"].add_paths("input");
  EXPECT_THAT(Read("change.show.json", assignment).DebugString(), Not(HasSubstr("gone soon")));
  EXPECT_THAT(Read("create.show.json", assignment).DebugString(), Not(HasSubstr("gone soon")));
}

TEST(PlanReaderTest, MetersWhatWillBeThere) {
  Assignment assignment;
  auto& paths = (*assignment.mutable_metered_attributes())["terraform_data"];
  for (const char* path : {"input.size", "input.password", "id", "nowhere.0.x", "input"}) {
    paths.add_paths(path);
  }
  std::map<std::string, internal::v1::MeteredResource> resources;
  const PlanSummary summary = Read("change.show.json", assignment);
  for (const auto& resource : summary.resources()) {
    resources[resource.address()] = resource;
  }
  EXPECT_EQ(resources.size(), 4U);
  EXPECT_EQ(resources.count("terraform_data.removed[0]"), 0U);
  const auto& updated = resources.at("terraform_data.updated").attributes();
  EXPECT_EQ(updated.at("input.size").number_value(), 2);
  EXPECT_EQ(updated.count("input.password"), 0U) << "secret";
  EXPECT_EQ(updated.count("input"), 0U) << "partly secret";
  EXPECT_EQ(updated.at("nowhere.0.x").kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(resources.at("terraform_data.replaced").attributes().count("id"), 0U) << "not known";
  EXPECT_EQ(resources.at("terraform_data.kept").attributes().at("input").string_value(), "kept");
}

TEST(PlanReaderTest, MetersAttributesOfRealProviders) {
  Assignment assignment;
  auto& paths = (*assignment.mutable_metered_attributes())["aws_ebs_volume"];
  paths.add_paths("size");
  paths.add_paths("iops");
  const PlanSummary summary = Read("aws.show.json", assignment);
  EXPECT_EQ(summary.resources_size(), 4);
  for (const auto& resource : summary.resources()) {
    if (resource.type() != "aws_ebs_volume") continue;
    EXPECT_EQ(resource.attributes().at("size").number_value(), 12);
    EXPECT_EQ(resource.attributes().count("iops"), 0U) << "the provider will choose";
  }
}

TEST(PlanReaderTest, DestroyingLeavesNothing) {
  const PlanSummary summary = Read("destroy.show.json");
  EXPECT_EQ(summary.resources_size(), 0);
  EXPECT_EQ(summary.plan().to_destroy(), 4);
}

TEST(PlanReaderTest, DriftIsWhatChangedOutside) {
  Assignment assignment;
  assignment.set_work(Assignment::REFRESH);
  const PlanSummary summary = Read("drift.show.json", assignment);
  EXPECT_EQ(summary.plan().to_update(), 1);
  EXPECT_EQ(summary.plan().to_destroy(), 1);
  ASSERT_EQ(summary.plan().changes_size(), 2) << "null that became empty is no drift";
  EXPECT_EQ(Change(summary, "aws_s3_bucket.gone").action(), v1::ResourceChange::DELETE);
  const auto queue = ByPath(Change(summary, "aws_sqs_queue.drifting"));
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.at("delay_seconds").before_json(), "0");
  EXPECT_EQ(queue.at("delay_seconds").after_json(), "7");
  EXPECT_EQ(summary.resources_size(), 3) << "the bucket is gone";
  EXPECT_THAT(summary.DebugString(), Not(HasSubstr("schema-secret-value")));
}

TEST(PlanReaderTest, WhatAPlanWouldNotBringBackIsNoDrift) {
  Assignment assignment;
  assignment.set_work(Assignment::REFRESH);
  auto plan = nlohmann::json::parse(TestData("drift.show.json"));
  for (auto& change : plan["resource_changes"]) {
    if (change["address"] == "aws_sqs_queue.drifting") change["change"]["actions"] = {"no-op"};
  }
  const auto summary = ReadPlan(plan.dump(), assignment, Scrubber(assignment));
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(summary->plan().changes_size(), 1);
  EXPECT_EQ(summary->plan().changes(0).address(), "aws_s3_bucket.gone");
}

TEST(PlanReaderTest, RefusesWhatIsNoPlan) {
  for (const char* text : {"", "{}", "[]", "null", "{\"format_version\":\"1.2\"}"}) {
    EXPECT_FALSE(ReadPlan(text, {}, Scrubber()).ok()) << text;
  }
}

v1::ResourceChange Diff(const char* change) {
  v1::ResourceChange resource;
  AddAttributeChanges(nlohmann::json::parse(change), Scrubber(), resource);
  return resource;
}

TEST(AttributeDiffTest, AMarkCoversAllBelow) {
  const auto paths = ByPath(Diff(
      R"({"before":{"a":{"b":1,"c":"old"}},"after":{"a":{"b":2,"c":"new"}},
          "before_sensitive":{"a":true},"after_sensitive":{}})"));
  ASSERT_EQ(paths.size(), 1U);
  EXPECT_TRUE(paths.at("a").sensitive());
  EXPECT_EQ(paths.at("a").before_json(), "");
}

TEST(AttributeDiffTest, AnUnknownWholeHidesSecretParts) {
  const auto paths = ByPath(Diff(
      R"({"before":{"a":{"b":"secret"}},"after":{},"after_unknown":{"a":true},
          "before_sensitive":{"a":{"b":true}},"after_sensitive":{}})"));
  EXPECT_TRUE(paths.at("a").unknown());
  EXPECT_TRUE(paths.at("a").sensitive());
  EXPECT_EQ(paths.at("a").before_json(), "");
}

TEST(AttributeDiffTest, AnotherTypeIsToldAsAWhole) {
  const auto paths = ByPath(Diff(R"({"before":{"a":"x"},"after":{"a":{"b":[1]}}})"));
  ASSERT_EQ(paths.size(), 1U);
  EXPECT_EQ(paths.at("a").before_json(), "\"x\"");
  EXPECT_EQ(paths.at("a").after_json(), R"({"b":[1]})");
}

TEST(AttributeDiffTest, LongValuesAreCutAndStayJson) {
  nlohmann::json change;
  change["before"] = nullptr;
  change["after"]["a"] = std::string(100'000, 'x');
  v1::ResourceChange resource;
  AddAttributeChanges(change, Scrubber(), resource);
  const std::string& text = resource.attributes(0).after_json();
  EXPECT_LT(text.size(), 10'000U);
  EXPECT_THAT(nlohmann::json::parse(text).get<std::string>(), HasSubstr("bytes)"));
}

TEST(AttributeDiffTest, MarksAndPaths) {
  const auto marks = nlohmann::json::parse(R"({"a":[{"b":true}],"c":true,"d":{"e":false}})");
  EXPECT_TRUE(IsMarked(marks, "a.0.b"));
  EXPECT_TRUE(IsMarked(marks, "a")) << "something below";
  EXPECT_TRUE(IsMarked(marks, "c.x.y")) << "something above";
  EXPECT_FALSE(IsMarked(marks, "d"));
  EXPECT_FALSE(IsMarked(marks, "a.1.b"));
  const auto value = nlohmann::json::parse(R"({"a":[{"b":null}]})");
  ASSERT_NE(Find(value, "a.0.b"), nullptr);
  EXPECT_TRUE(Find(value, "a.0.b")->is_null());
  EXPECT_EQ(Find(value, "a.1.b"), nullptr);
  EXPECT_EQ(Find(value, "a.x"), nullptr);
}

}  // namespace
}  // namespace stackyard::runner
