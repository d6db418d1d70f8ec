#include "cli/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ExitCode, TellsWhatKindOfErrorItIs) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(InvalidField("name", "must be a word")), 2);
  EXPECT_EQ(ExitCodeOf(NotFound("projects/p")), 3);
  EXPECT_EQ(ExitCodeOf(Error(v1::TOKEN_INVALID, "x")), 4);
  EXPECT_EQ(ExitCodeOf(Error(v1::PERMISSION_MISSING, "x")), 4);
  EXPECT_EQ(ExitCodeOf(Error(v1::SELF_REVIEW, "x")), 4);
  EXPECT_EQ(ExitCodeOf(Error(v1::QUOTA_EXCEEDED, "x")), 5);
  EXPECT_EQ(ExitCodeOf(Error(v1::WRONG_STATE, "x")), 6);
  EXPECT_EQ(ExitCodeOf(Error(v1::PLAN_STALE, "x")), 6);
  EXPECT_EQ(ExitCodeOf(Exists("projects/p")), 6);
  EXPECT_EQ(ExitCodeOf(Error(v1::ETAG_MISMATCH, "x")), 6);
  EXPECT_EQ(ExitCodeOf(Error(v1::REQUEST_CLOSED, "x")), 6);
  EXPECT_EQ(ExitCodeOf(Error(v1::DEPENDENCY_UNAVAILABLE, "x")), 7);
  EXPECT_EQ(ExitCodeOf(Error(v1::RATE_LIMITED, "x")), 7);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("x")), 7);
  EXPECT_EQ(ExitCodeOf(Error(v1::INTERNAL_FAULT, "x")), 1);
  EXPECT_EQ(ExitCodeOf(Error(v1::NOT_BUILT, "x")), 1);
  EXPECT_EQ(ExitCodeOf(Interrupted("x")), 130);
}

TEST(ExitCode, AnOperationThatFailedIsNotARequestThatWasRefused) {
  EXPECT_EQ(ExitCodeOf(AsOutcome(Error(v1::RUN_FAILED, "x"))), 1);
  EXPECT_EQ(ExitCodeOf(AsOutcome(Error(v1::MODULE_INVALID, "x"))), 1);
  EXPECT_EQ(ExitCodeOf(AsOutcome(Error(v1::QUOTA_EXCEEDED, "x"))), 5);
  EXPECT_EQ(ExitCodeOf(AsOutcome(Error(v1::REQUEST_CLOSED, "x"))), 8);
  EXPECT_EQ(ExitCodeOf(AsOutcome(Error(v1::POLICY_DENIED, "x"))), 8);
  EXPECT_TRUE(AsOutcome(absl::OkStatus()).ok());
}

TEST(ErrorText, NamesEveryFieldOnce) {
  google::rpc::BadRequest fields;
  auto* violation = fields.add_field_violations();
  violation->set_field("stack.parameters.size");
  violation->set_description("must be at least 1");
  violation = fields.add_field_violations();
  violation->set_field("stack_id");
  violation->set_description("must start with a letter");
  absl::Status status = Error(v1::INVALID_FIELD, "all of them in one line");
  AttachDetail(status, fields);
  EXPECT_EQ(ErrorText(status),
            "error: 2 faults\n"
            "  stack.parameters.size: must be at least 1\n"
            "  stack_id: must start with a letter\n");

  Violations violations;
  violations.Add("a", "must be b");
  EXPECT_THAT(ErrorText(violations.ToStatus()), HasSubstr("a"));
  EXPECT_THAT(ErrorText(violations.ToStatus()), Not(HasSubstr("\n  a")));
}

TEST(ErrorText, NamesWhatIsShort) {
  google::rpc::QuotaFailure quota;
  auto* violation = quota.add_violations();
  violation->set_subject("vcpu");
  violation->set_description("4 asked for, 2 of 4 used");
  absl::Status status = Error(v1::QUOTA_EXCEEDED, "quota does not admit it");
  AttachDetail(status, quota);
  EXPECT_THAT(ErrorText(status), HasSubstr("  vcpu: 4 asked for, 2 of 4 used\n"));
}

TEST(ErrorText, SaysWhatToDo) {
  EXPECT_THAT(ErrorText(Error(v1::TOKEN_INVALID, "no token")),
              HasSubstr("hint: run: stackyard login"));
  EXPECT_THAT(ErrorText(Error(v1::PERMISSION_MISSING, "you lack a permission",
                              {{"permission", "stacks.create"}})),
              HasSubstr("permission: stacks.create"));
}

}  // namespace
}  // namespace stackyard::cli
