#include "services/runner/json_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Reading {
  // `ADDRESS PHASE ACTION`.
  std::vector<std::string> events;
  std::vector<int> totals;
  std::vector<v1::Diagnostic> diagnostics;
  std::string log;
};

Reading ReadAll(const std::string& text, JsonEvents::Mode mode) {
  Reading reading;
  JsonEvents reader(mode);
  for (const auto line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const TerraformLine read = reader.Read(std::string_view(line.data(), line.size()));
    for (const v1::RunEvent& event : read.events) {
      if (event.has_resource()) {
        reading.events.push_back(
            absl::StrCat(event.resource().address(), " ",
                         v1::ResourceEvent::Phase_Name(event.resource().phase()), " ",
                         v1::ResourceChange::Action_Name(event.resource().action())));
      } else if (event.event_case() == v1::RunEvent::kPlannedTotal) {
        reading.totals.push_back(event.planned_total());
        reading.events.push_back("total");
      }
    }
    if (read.diagnostic) reading.diagnostics.push_back(*read.diagnostic);
    absl::StrAppend(&reading.log, read.log, "\n");
  }
  return reading;
}

TEST(JsonEventsTest, APlanTellsWhatItWillDo) {
  const Reading reading = ReadAll(TestData("change.plan.jsonl"), JsonEvents::Mode::kPlan);
  std::vector<std::string> planned;
  for (const std::string& event : reading.events) {
    if (event.find(" READ") == std::string::npos) planned.push_back(event);
  }
  EXPECT_THAT(planned,
              testing::UnorderedElementsAre("terraform_data.removed[0] PLANNED DELETE",
                                            "terraform_data.replaced PLANNED REPLACE",
                                            "terraform_data.updated PLANNED UPDATE",
                                            "terraform_data.waits PLANNED UPDATE", "total"));
  EXPECT_EQ(reading.events.back(), "total");
  EXPECT_THAT(reading.totals, ElementsAre(4));
  EXPECT_THAT(reading.log, HasSubstr("Plan: 1 to add, 2 to change, 2 to destroy."));
}

TEST(JsonEventsTest, AnApplyTellsTheTotalFirstAndReplacementsOnce) {
  const Reading reading = ReadAll(TestData("change.apply.jsonl"), JsonEvents::Mode::kApply);
  ASSERT_FALSE(reading.events.empty());
  EXPECT_EQ(reading.events.front(), "total");
  EXPECT_THAT(reading.totals, ElementsAre(4));
  std::vector<std::string> replaced;
  int done = 0;
  for (const std::string& event : reading.events) {
    if (event.find("replaced") != std::string::npos) replaced.push_back(event);
    if (event.find(" DONE ") != std::string::npos) ++done;
  }
  EXPECT_THAT(replaced, ElementsAre("terraform_data.replaced STARTED REPLACE",
                                    "terraform_data.replaced RUNNING REPLACE",
                                    "terraform_data.replaced RUNNING REPLACE",
                                    "terraform_data.replaced DONE REPLACE"));
  EXPECT_EQ(done, 4) << "as many as the total says";
}

TEST(JsonEventsTest, ADestroyCountsWhatItRemoves) {
  const Reading plan = ReadAll(TestData("destroy.plan.jsonl"), JsonEvents::Mode::kPlan);
  const Reading apply = ReadAll(TestData("destroy.apply.jsonl"), JsonEvents::Mode::kApply);
  EXPECT_EQ(plan.totals, apply.totals);
  EXPECT_THAT(apply.events, testing::Contains("terraform_data.kept DONE DELETE"));
}

TEST(JsonEventsTest, ReadsAndRefreshesAreToldAndNotCounted) {
  const Reading reading = ReadAll(TestData("change.plan.jsonl"), JsonEvents::Mode::kPlan);
  EXPECT_THAT(reading.events, testing::Contains("terraform_data.kept STARTED READ"));
  EXPECT_THAT(reading.events, testing::Contains("terraform_data.kept DONE READ"));
  // Data is read before it is known what there is to do.
  const std::string hook =
      R"("@message":"m","hook":{"resource":{"addr":"data.a.b"},"action":"read"}})";
  const std::string planned =
      R"({"type":"planned_change","@message":"m","change":{"resource":{"addr":"a.b"},"action":"create"}})";
  const Reading data =
      ReadAll(R"({"type":"apply_start",)" + hook + "\n" + R"({"type":"apply_complete",)" + hook +
                  "\n" + planned + "\n" + R"({"type":"change_summary","@message":"m"})",
              JsonEvents::Mode::kPlan);
  EXPECT_THAT(data.events, ElementsAre("data.a.b STARTED READ", "data.a.b DONE READ",
                                       "a.b PLANNED CREATE", "total"));
  EXPECT_THAT(data.totals, ElementsAre(1));
}

TEST(JsonEventsTest, ProvisioningGoesOn) {
  const Reading reading = ReadAll(TestData("failing.apply.jsonl"), JsonEvents::Mode::kApply);
  std::vector<std::string> bad;
  for (const std::string& event : reading.events) {
    if (event.rfind("terraform_data.bad ", 0) == 0) bad.push_back(event);
  }
  EXPECT_THAT(bad,
              ElementsAre("terraform_data.bad STARTED CREATE", "terraform_data.bad RUNNING CREATE",
                          "terraform_data.bad ERRORED CREATE"));
}

TEST(JsonEventsTest, WhatWasReplacedEarlierCountsForItself) {
  const std::string planned =
      R"({"type":"planned_change","@message":"m","change":{"resource":{"addr":"a.b"},"action":)";
  const Reading reading =
      ReadAll(planned + "\"update\"}}\n" + planned + "\"delete\"}}\n" + planned + "\"delete\"}}\n" +
                  R"({"type":"change_summary","@message":"m"})",
              JsonEvents::Mode::kPlan);
  EXPECT_THAT(reading.totals, ElementsAre(2));
}

TEST(JsonEventsTest, ACreationHasIdAndTime) {
  JsonEvents reader(JsonEvents::Mode::kApply);
  bool found = false;
  const std::string text = TestData("create.apply.jsonl");
  for (const auto line : absl::StrSplit(text, '\n')) {
    const TerraformLine read = reader.Read({line.data(), line.size()});
    for (const v1::RunEvent& event : read.events) {
      if (event.resource().phase() != v1::ResourceEvent::DONE) continue;
      EXPECT_EQ(event.resource().id().size(), 36U);
      EXPECT_TRUE(event.resource().has_elapsed());
      found = true;
    }
  }
  EXPECT_TRUE(found);
}

TEST(JsonEventsTest, AFailureHasAddressAndPlace) {
  const Reading reading = ReadAll(TestData("failing.apply.jsonl"), JsonEvents::Mode::kApply);
  EXPECT_THAT(reading.events, testing::Contains("terraform_data.bad ERRORED CREATE"));
  ASSERT_EQ(reading.diagnostics.size(), 1U);
  const v1::Diagnostic& diagnostic = reading.diagnostics[0];
  EXPECT_EQ(diagnostic.severity(), v1::Diagnostic::ERROR);
  EXPECT_EQ(diagnostic.address(), "terraform_data.bad");
  EXPECT_EQ(diagnostic.file(), "main.tf");
  EXPECT_GT(diagnostic.line(), 0);
  EXPECT_THAT(reading.log, HasSubstr("local-exec): working"));
  EXPECT_THAT(ToOneLine(diagnostic),
              testing::StartsWith("main.tf:13: local-exec provisioner error: Error running"));
  EXPECT_THAT(ToText(diagnostic),
              HasSubstr("Error: local-exec provisioner error [terraform_data.bad] (main.tf:13)\n"));
}

TEST(JsonEventsTest, FaultsOfTheParametersHaveNoFile) {
  const auto diagnostic = ReadDiagnostic(nlohmann::json::parse(
      R"({"severity":"error","summary":"s","range":{"filename":"stackyard.auto.tfvars.json",
          "start":{"line":1}}})"));
  EXPECT_EQ(ToOneLine(diagnostic), "s");
}

TEST(JsonEventsTest, ReadsValidation) {
  const auto diagnostics = ReadValidation(TestData("invalid.validate.json"));
  ASSERT_TRUE(diagnostics.has_value());
  ASSERT_EQ(diagnostics->size(), 1U);
  EXPECT_EQ(diagnostics->front().summary(), "Unsupported argument");
  EXPECT_EQ(diagnostics->front().line(), 2);
  EXPECT_FALSE(ReadValidation("no JSON").has_value());
  EXPECT_FALSE(ReadValidation("[]").has_value());
}

TEST(JsonEventsTest, OddLinesAreLogged) {
  JsonEvents reader(JsonEvents::Mode::kPlan);
  for (const char* line : {"plain text", "{\"no\":\"message\"}", "[1]", "{broken"}) {
    const TerraformLine read = reader.Read(line);
    EXPECT_EQ(read.log, line);
    EXPECT_TRUE(read.events.empty());
  }
  // Members of the wrong type do no harm.
  for (const char* line : {R"({"@message":1,"type":"apply_start","hook":[]})",
                           R"({"@message":"m","type":"planned_change","change":{"resource":7}})",
                           R"({"@message":"m","type":"diagnostic","diagnostic":null})"}) {
    reader.Read(line);
  }
}

}  // namespace
}  // namespace stackyard::runner
