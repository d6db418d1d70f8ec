#include "cli/plan_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;

v1::Plan Example() {
  v1::Plan plan;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    to_create: 1 to_update: 1 to_replace: 1 to_destroy: 1
    changes { address: "a.new" action: CREATE
      attributes { path: "size" after_json: "3" }
      attributes { path: "id" unknown: true }
      attributes { path: "password" sensitive: true } }
    changes { address: "a.changed" action: UPDATE
      attributes { path: "size" before_json: "1" after_json: "2" } }
    changes { address: "a.other" action: REPLACE reason: "replace_because_cannot_update"
      attributes { path: "ami" before_json: "\"x\"" after_json: "\"y\"" forces_replacement: true } }
    changes { address: "a.old" action: DELETE }
    changes { address: "a.same" action: NO_OP }
    changes { address: "data.read" action: READ }
    amounts { metric: "vcpu" value: 4 }
    estimated_micros_per_hour: 41600 currency: "USD" price_date: "2026-01-31"
    diagnostics { severity: WARNING summary: "deprecated" address: "a.new" })",
                                                            &plan));
  return plan;
}

TEST(PlanText, ShowsWhatChangesAndWhatItCosts) {
  EXPECT_EQ(PlanText(Example(), false),
            "+ a.new\n"
            "    size     = 3\n"
            "    id       = (known after apply)\n"
            "    password = (sensitive)\n"
            "~ a.changed\n"
            "    size = 1 -> 2\n"
            "-/+ a.other  (replace because cannot update)\n"
            "    ami = \"x\" -> \"y\"  # forces replacement\n"
            "- a.old\n"
            "\n"
            "Plan: 1 to create, 1 to update, 1 to replace, 1 to destroy\n"
            "Quota: vcpu 4\n"
            "Cost: about 0.0416 USD per hour (an estimate, from prices of 2026-01-31)\n"
            "Warning: deprecated (a.new)\n");
}

TEST(PlanText, SaysWhatThePolicySays) {
  v1::Plan plan;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(policy_messages { severity: ERROR summary: "no public buckets" address: "a.b" }
         policy_messages { severity: WARNING summary: "no owner tag" })",
      &plan));
  EXPECT_THAT(PlanText(plan, false), HasSubstr("Policy denies: no public buckets (a.b)\n"
                                               "Policy warns: no owner tag\n"));
}

TEST(PlanText, ColorsSignsOnTerminalsOnly) {
  EXPECT_THAT(PlanText(Example(), true), HasSubstr("\033[32m+ a.new\033[0m"));
}

TEST(PlanText, SaysWhenNothingChanges) {
  EXPECT_THAT(PlanText(v1::Plan(), false), HasSubstr("No resource changes."));
  EXPECT_THAT(PlanText(v1::Plan(), false), HasSubstr("Quota: none"));
}

// A secret is not shown even if a service were to send it.
TEST(PlanText, NeverShowsSecrets) {
  v1::Plan plan;
  auto* attribute = plan.add_changes();
  attribute->set_action(v1::ResourceChange::UPDATE);
  auto* secret = attribute->add_attributes();
  secret->set_sensitive(true);
  secret->set_before_json("\"old-secret\"");
  secret->set_after_json("\"new-secret\"");
  EXPECT_EQ(PlanText(plan, false).find("secret\""), std::string::npos);
}

TEST(ShortfallsText, SaysFromWhenItWouldFit) {
  google::protobuf::RepeatedPtrField<v1::Shortfall> shortfalls;
  v1::Shortfall* shortfall = shortfalls.Add();
  shortfall->set_metric("vcpu");
  shortfall->set_level("project");
  shortfall->set_requested(4);
  shortfall->set_used(6);
  shortfall->set_limit(8);
  EXPECT_EQ(ShortfallsText(shortfalls),
            "  vcpu: 4 asked for, 6 of 8 used (project limit); would never fit as things stand\n");
  shortfall->mutable_fits_from()->set_seconds(1'800'000'000);
  EXPECT_THAT(ShortfallsText(shortfalls), HasSubstr("would fit from 2027-01-15 08:00:00 UTC"));
}

}  // namespace
}  // namespace stackyard::cli
