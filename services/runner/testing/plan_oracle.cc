#include "services/runner/testing/plan_oracle.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

namespace stackyard::runner {

using internal::v1::Assignment;
using internal::v1::PlanSummary;

Assignment Metering(Assignment::Work work, const std::string& type,
                    const std::vector<std::string>& paths) {
  Assignment assignment;
  assignment.set_work(work);
  auto& metered = (*assignment.mutable_metered_attributes())[type];
  for (const std::string& path : paths) metered.add_paths(path);
  return assignment;
}

absl::StatusOr<PlanSummary> ReadDirectly(std::string_view plan, const Assignment& assignment,
                                         const ResourceSchemas& schemas) {
  auto file = PlanFile::Read(plan);
  if (!file.ok()) return file.status();
  auto document = PlanDocument(*file, schemas);
  if (!document.ok()) return document.status();
  return ReadPlanDocument(*document, assignment, Scrubber(assignment));
}

PlanSummary ExpectSame(std::string_view plan, std::string_view shown, const std::string& type,
                       const std::vector<std::string>& metered, const ResourceSchemas& schemas) {
  PlanSummary result;
  for (const auto work : {Assignment::REFRESH, Assignment::PLAN}) {
    const Assignment assignment = Metering(work, type, metered);
    const auto expected = ReadPlan(shown, assignment, Scrubber(assignment));
    const auto read = ReadDirectly(plan, assignment, schemas);
    EXPECT_TRUE(expected.ok()) << expected.status();
    EXPECT_TRUE(read.ok()) << read.status();
    if (!expected.ok() || !read.ok()) return result;
    std::string difference;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(*expected, *read)) << difference;
    result = *read;
  }
  return result;
}

}  // namespace stackyard::runner
