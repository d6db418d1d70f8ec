#include "services/runner/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/channel.h"
#include "services/runner/testing/fake_queue.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kRun[] = "r/1";

class ReporterTest : public testing::Test {
 protected:
  ReporterTest()
      : queue_("unix:" + folder_.path() + "/queue.sock"), client_(Connect(queue_.target()), "me") {
    lease_.set_run(kRun);
    lease_.set_generation(1);
    (*assignment_.mutable_parameters()->mutable_fields())["pw"].set_string_value("hunter2-secret");
    assignment_.add_sensitive_parameters("pw");
  }

  std::unique_ptr<Reporter> Make(ReporterOptions options = {}) {
    scrubber_ = Scrubber(assignment_);
    return std::make_unique<Reporter>(client_, lease_, scrubber_, control_, clock_, options);
  }

  TempFolder folder_;
  FakeQueue queue_;
  QueueClient client_;
  internal::v1::Lease lease_;
  internal::v1::Assignment assignment_;
  Scrubber scrubber_;
  RunControl control_;
  FakeClock clock_;
};

TEST_F(ReporterTest, SendsEverythingInOrder) {
  auto reporter = Make();
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    reporter->Notice(std::to_string(i));
    reporter->Log("line " + std::to_string(i));
    expected += "line " + std::to_string(i) + "\n";
  }
  reporter->Finish();
  const RecordedRun run = queue_.Recorded(kRun);
  ASSERT_EQ(run.events.size(), 2000U);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(run.events[i].sequence(), i + 1);
    EXPECT_EQ(run.events[i].notice(), std::to_string(i));
    EXPECT_TRUE(run.events[i].has_time());
  }
  EXPECT_EQ(run.log, expected);
}

TEST_F(ReporterTest, SendsSoonByItself) {
  auto reporter = Make();
  reporter->Log("now");
  queue_.WaitFor(kRun, [](const RecordedRun& run) { return run.log == "now\n"; });
  reporter->Log("at the end");
  reporter->Finish();
  EXPECT_EQ(queue_.Recorded(kRun).log, "now\nat the end\n");
  reporter->Log("too late");
}

TEST_F(ReporterTest, TheEndDoesNotWaitToGather) {
  const absl::Time start = absl::Now();
  auto reporter = Make({.gather = absl::Minutes(10)});
  reporter->Log("x");
  reporter->Finish();
  EXPECT_EQ(queue_.Recorded(kRun).log, "x\n");
  EXPECT_LT(absl::Now() - start, absl::Minutes(1));
}

TEST_F(ReporterTest, LongLogsGoInPiecesOfWholeLines) {
  auto reporter = Make();
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string line(20'000 + i, static_cast<char>('a' + i % 26));
    reporter->Log(line);
    expected += line + "\n";
  }
  // One that is longer than a piece.
  const std::string giant(600'000, 'x');
  reporter->Log(giant);
  expected += giant + "\n";
  reporter->Finish();
  EXPECT_EQ(queue_.Recorded(kRun).log, expected);
}

TEST_F(ReporterTest, SecretsAndBrokenTextDoNotGoOut) {
  auto reporter = Make();
  reporter->Log("pw=hunter2-secret \xff");
  reporter->Notice("hunter2-secret");
  v1::RunEvent event;
  event.mutable_diagnostic()->set_summary("s hunter2-secret");
  event.mutable_diagnostic()->set_detail("d hunter2-secret");
  reporter->Event(event);
  event.mutable_resource()->set_id("i-hunter2-secret");
  reporter->Event(event);
  reporter->Finish();
  EXPECT_THAT(queue_.Everything(kRun), Not(HasSubstr("hunter2")));
  EXPECT_EQ(queue_.Recorded(kRun).log, "pw=(sensitive) ?\n");
  EXPECT_EQ(queue_.Recorded(kRun).events.size(), 3U);
}

TEST_F(ReporterTest, WaitsForAServiceThatIsAway) {
  auto reporter = Make();
  reporter->Log("one");
  queue_.WaitFor(kRun, [](const RecordedRun& run) { return !run.log.empty(); });
  queue_.StopServing();
  reporter->Log("two");
  queue_.Serve();
  reporter->Log("three");
  reporter->Finish();
  EXPECT_EQ(queue_.Recorded(kRun).log, "one\ntwo\nthree\n");
}

TEST_F(ReporterTest, TooMuchPendingIsDroppedWithAWord) {
  queue_.StopServing();
  auto reporter = Make({.max_pending_log = 1000});
  for (int i = 0; i < 100; ++i) reporter->Log(std::string(50, 'x'));
  queue_.Serve();
  reporter->Finish();
  const std::string log = queue_.Recorded(kRun).log;
  EXPECT_LT(log.size(), 3000U);
  const size_t lines = (log.find('(') + 1) / 51;
  EXPECT_THAT(log, HasSubstr(absl::StrCat("(", 51 * (100 - lines),
                                          " bytes of the log are missing here)\n")));
}

TEST_F(ReporterTest, EventsDoNotWaitBehindALongLog) {
  auto reporter = Make({.gather = absl::Minutes(10), .max_pending_log = 64 << 20});
  const std::string line(1023, 'x');
  for (int i = 0; i < 32 << 10; ++i) reporter->Log(line);
  reporter->Notice("now");
  reporter->Finish();
  size_t before = 0;
  queue_.WaitFor(kRun, [&before](const RecordedRun& run) {
    before = run.log_before_event.empty() ? 0 : run.log_before_event[0];
    return !run.events.empty();
  });
  EXPECT_LE(before, 1U << 20) << "of 32 MiB";
  EXPECT_EQ(queue_.Recorded(kRun).log.size(), 32U << 20);
}

TEST_F(ReporterTest, AnOldGenerationAbandonsTheRun) {
  queue_.Steal(kRun, /*tell_by_heartbeat=*/false);
  auto reporter = Make();
  reporter->Log("x");
  EXPECT_TRUE(control_.WaitAbandoned(absl::Minutes(1)));
  EXPECT_EQ(control_.reason(), StopReason::kLeaseLost);
  reporter->Finish();
}

TEST_F(ReporterTest, AnAbandonedRunDoesNotWaitForTheService) {
  queue_.StopServing();
  auto reporter = Make();
  reporter->Log("x");
  control_.Abandon(StopReason::kLeaseLost);
  reporter->Finish();
  EXPECT_EQ(queue_.Recorded(kRun).log, "");
}

TEST_F(ReporterTest, BlobsGoAndComeInPieces) {
  std::string content(3'500'000, 'x');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 % 251);
  const auto digest = client_.WriteBlob(content, control_);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(queue_.Blob(*digest), content);
  EXPECT_EQ(*client_.ReadBlob(*digest, content.size(), control_), content);
  EXPECT_TRUE(absl::IsOutOfRange(client_.ReadBlob(*digest, 1000, control_).status()));
  EXPECT_TRUE(absl::IsNotFound(client_.ReadBlob("unknown", 1000, control_).status()));
  EXPECT_TRUE(client_.WriteBlob("", control_).ok());
}

}  // namespace
}  // namespace stackyard::runner
