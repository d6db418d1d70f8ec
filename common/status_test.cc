#include "common/status.h"

#include <gtest/gtest.h>

#include "common/grpc_status.h"

namespace stackyard {
namespace {

TEST(StatusTest, EveryReasonHasACodeOtherThanInternalButTheFaultItself) {
  const auto* reasons = v1::ErrorReason_descriptor();
  for (int i = 0; i < reasons->value_count(); ++i) {
    const auto reason = static_cast<ErrorReason>(reasons->value(i)->number());
    if (reason == v1::ERROR_REASON_UNSPECIFIED || reason == v1::INTERNAL_FAULT) continue;
    EXPECT_NE(Error(reason, "x").code(), absl::StatusCode::kInternal)
        << v1::ErrorReason_Name(reason);
  }
}

TEST(StatusTest, ViolationsNameEveryField) {
  Violations violations;
  EXPECT_TRUE(violations.ToStatus().ok());
  violations.Add("stack_id", "is missing");
  violations.Add("parent", "must look like projects/*");
  const absl::Status status = violations.ToStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD);
  google::rpc::BadRequest request;
  ASSERT_TRUE(ReadDetail(status, request));
  EXPECT_EQ(request.field_violations_size(), 2);
  EXPECT_NE(status.message().find("parent: must look like"), absl::string_view::npos);
}

TEST(StatusTest, DetailsSurviveTheWireBothWays) {
  const absl::Status status = NotFound("projects/x");
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(back.code(), status.code());
  EXPECT_EQ(back.message(), status.message());
  EXPECT_EQ(ReasonOf(back), v1::RESOURCE_NOT_FOUND);
  google::rpc::ResourceInfo info;
  ASSERT_TRUE(ReadDetail(back, info));
  EXPECT_EQ(info.resource_name(), "projects/x");
  EXPECT_EQ(ReasonOf(FromProto(ToProto(status))), v1::RESOURCE_NOT_FOUND);
}

TEST(StatusTest, UnexplainedInternalErrorsAreAnsweredBlandly) {
  const grpc::Status answer = ToGrpc(absl::InternalError("disk /dev/sda1 is on fire"));
  EXPECT_EQ(answer.error_message().find("sda1"), std::string::npos);
  EXPECT_EQ(ReasonOf(FromGrpc(answer)), v1::INTERNAL_FAULT);
}

TEST(StatusTest, AServerThatIsAwayIsADependencyUnavailable) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connect"));
  EXPECT_EQ(ReasonOf(status), v1::DEPENDENCY_UNAVAILABLE);
}

}  // namespace
}  // namespace stackyard
