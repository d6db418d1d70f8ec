#include "services/runner/run_control.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "common/work.h"

namespace stackyard::runner {
namespace {

bool Readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

TEST(RunControlTest, LevelsOnlyRise) {
  RunControl control;
  EXPECT_FALSE(control.interrupted());
  EXPECT_FALSE(Readable(control.interrupt_fd()));
  control.Interrupt(StopReason::kCancelled);
  EXPECT_TRUE(control.interrupted());
  EXPECT_FALSE(control.killed());
  EXPECT_TRUE(Readable(control.interrupt_fd()));
  EXPECT_FALSE(Readable(control.kill_fd()));
  control.Kill(StopReason::kDrained);
  EXPECT_TRUE(control.killed());
  EXPECT_TRUE(Readable(control.kill_fd()));
  control.Interrupt(StopReason::kDrained);
  EXPECT_TRUE(control.killed());
  EXPECT_EQ(control.reason(), StopReason::kCancelled) << "the first reason stays";
}

TEST(RunControlTest, KillInterruptsToo) {
  RunControl control;
  control.Kill(StopReason::kCancelled);
  EXPECT_TRUE(Readable(control.interrupt_fd()));
  EXPECT_TRUE(Readable(control.kill_fd()));
  EXPECT_FALSE(control.abandoned());
}

TEST(RunControlTest, AbandoningReplacesTheReasonAndCallsBack) {
  RunControl control;
  control.Interrupt(StopReason::kCancelled);
  int calls = 0;
  int calls_of_gone = 0;
  const RunControl::OnAbandon hook(control, [&calls] { ++calls; });
  {
    const RunControl::OnAbandon gone(control, [&calls_of_gone] { ++calls_of_gone; });
  }
  control.Abandon(StopReason::kLeaseLost);
  control.Abandon(StopReason::kLeaseLost);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(calls_of_gone, 0);
  EXPECT_EQ(control.reason(), StopReason::kLeaseLost);
  const RunControl::OnAbandon late(control, [&calls] { ++calls; });
  EXPECT_EQ(calls, 2) << "called at once when it is too late";
}

TEST(RunControlTest, WaitingEndsWhenAbandoned) {
  RunControl control;
  EXPECT_FALSE(control.WaitAbandoned(absl::ZeroDuration()));
  const Task task("abandon", [&control] { control.Abandon(StopReason::kLeaseLost); });
  EXPECT_TRUE(control.WaitAbandoned(absl::Minutes(1)));
}

}  // namespace
}  // namespace stackyard::runner
