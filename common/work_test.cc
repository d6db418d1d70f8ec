#include "common/work.h"

#include <gtest/gtest.h>

#include <atomic>

namespace stackyard {
namespace {

TEST(NotifierTest, AWaiterNeverMissesWhatHappenedBeforeItWaited) {
  Notifier notifier;
  const int64_t seen = notifier.Count();
  notifier.Notify();
  EXPECT_EQ(notifier.Wait(seen, absl::InfiniteDuration()), seen + 1);
}

TEST(NotifierTest, TimesOutAndCloses) {
  Notifier notifier;
  EXPECT_EQ(notifier.Wait(0, absl::ZeroDuration()), 0);
  const Task closer("closer", [&] { notifier.Close(); });
  notifier.Wait(0, absl::InfiniteDuration());
  EXPECT_TRUE(notifier.closed());
}

TEST(LoopTest, AWakeDuringTheBodyRunsItAgain) {
  std::atomic<int> calls{0};
  Notifier ran;
  Loop* self = nullptr;
  Notifier ready;
  Loop loop("test", [&] {
    ready.Wait(0, absl::InfiniteDuration());
    if (++calls < 3) self->Wake();
    ran.Notify();
    return absl::InfiniteDuration();
  });
  self = &loop;
  ready.Notify();
  int64_t count = 0;
  while (count < 3) count = ran.Wait(count, absl::InfiniteDuration());
  loop.Stop();
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace stackyard
