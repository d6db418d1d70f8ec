#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace stackyard::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

v1::OperationMetadata Applying(int done) {
  v1::OperationMetadata metadata;
  metadata.set_stage(v1::OperationMetadata::APPLYING);
  metadata.mutable_progress()->set_total(4);
  metadata.mutable_progress()->set_done(done);
  metadata.mutable_progress()->add_active("a.b[0]");
  return metadata;
}

TEST(ProgressBar, FillsUp) {
  v1::Progress progress;
  EXPECT_EQ(ProgressBar(progress, 8), "");
  progress.set_total(4);
  EXPECT_EQ(ProgressBar(progress, 8), "[>       ] 0/4");
  progress.set_done(2);
  EXPECT_EQ(ProgressBar(progress, 8), "[====>   ] 2/4");
  progress.set_done(4);
  progress.set_failed(1);
  EXPECT_EQ(ProgressBar(progress, 8), "[========] 4/4, 1 failed");
  progress.set_done(9);
  EXPECT_THAT(ProgressBar(progress, 8), HasSubstr("[========]"));
}

TEST(Progress, WritesOneLinePerChangeWhereThereIsNoTerminal) {
  std::ostringstream out;
  const absl::Time now = absl::FromUnixSeconds(0);
  {
    Progress progress(out, false, 80);
    v1::OperationMetadata planning;
    planning.set_stage(v1::OperationMetadata::PLANNING);
    progress.Update(planning, now);
    progress.Update(planning, now);
    progress.Tick(now);
    progress.Update(Applying(1), now + absl::Seconds(61));
  }
  EXPECT_EQ(out.str(), "00:00:00  PLANNING\n00:01:01  APPLYING  1/4  a.b[0]\n");
}

TEST(Progress, RedrawsOneLineOnATerminal) {
  std::ostringstream out;
  const absl::Time now = absl::FromUnixSeconds(0);
  {
    Progress progress(out, true, 60);
    v1::OperationMetadata planning;
    planning.set_stage(v1::OperationMetadata::PLANNING);
    progress.Update(planning, now);
    progress.Update(Applying(1), now + absl::Seconds(3));
    EXPECT_THAT(out.str(), HasSubstr("PLANNING\033[0m  3s\n"));
    EXPECT_THAT(out.str(), HasSubstr("APPLYING  [=====>"));
    out.str("");
    progress.Tick(now + absl::Seconds(5));
    EXPECT_THAT(out.str(), HasSubstr("2s"));
    EXPECT_THAT(out.str(), Not(HasSubstr("\n")));
  }
  EXPECT_THAT(out.str(), EndsWith("\r\033[K")) << "the bar is taken away";
}

TEST(ProgressText, CountsOnlyWhereResourcesChange) {
  v1::OperationMetadata metadata = Applying(1);
  EXPECT_EQ(ProgressText(metadata), "APPLYING  1/4  a.b[0]");
  metadata.set_stage(v1::OperationMetadata::PLANNING);
  EXPECT_EQ(ProgressText(metadata), "PLANNING  a.b[0]");
}

TEST(ProgressText, NamesTheRequestThatIsWaitedFor) {
  v1::OperationMetadata metadata;
  metadata.set_stage(v1::OperationMetadata::AWAITING_APPROVAL);
  metadata.set_change_request("projects/p/changeRequests/7");
  EXPECT_EQ(ProgressText(metadata), "AWAITING_APPROVAL  projects/p/changeRequests/7");
}

}  // namespace
}  // namespace stackyard::cli
