#include "services/stacks/run_progress.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using v1::ResourceChange;
using v1::ResourceEvent;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

void Take(v1::Run& run, const std::string& address, ResourceEvent::Phase phase,
          ResourceChange::Action action = ResourceChange::CREATE) {
  v1::RunEvent event;
  event.mutable_resource()->set_address(address);
  event.mutable_resource()->set_phase(phase);
  event.mutable_resource()->set_action(action);
  TakeEvent(event, run);
}

TEST(RunProgressTest, StepsBeginAndEnd) {
  v1::Run run;
  v1::RunEvent event;
  event.set_step_started("plan");
  *event.mutable_time() = ToProto(kStart);
  TakeEvent(event, run);
  ASSERT_EQ(run.steps_size(), 1);
  EXPECT_EQ(run.steps(0).name(), "plan");
  EXPECT_EQ(FromProto(run.steps(0).start_time()), kStart);
  EXPECT_FALSE(run.steps(0).has_duration());

  v1::RunStep step;
  step.set_name("plan");
  *step.mutable_start_time() = ToProto(kStart);
  *step.mutable_duration() = ToProto(absl::Seconds(3));
  step.set_failed(true);
  event.Clear();
  *event.mutable_step_finished() = step;
  TakeEvent(event, run);
  ASSERT_EQ(run.steps_size(), 1);
  EXPECT_EQ(run.steps(0).SerializeAsString(), step.SerializeAsString());

  TakeEvent(event, run);
  EXPECT_EQ(run.steps_size(), 2) << "another step of that name, whose start was not told";
}

TEST(RunProgressTest, ResourcesAreCountedAndWhatGoesOnIsListed) {
  v1::Run run;
  v1::RunEvent total;
  total.set_planned_total(3);
  TakeEvent(total, run);
  Take(run, "a", ResourceEvent::PLANNED);
  Take(run, "a", ResourceEvent::STARTED);
  Take(run, "a", ResourceEvent::STARTED);
  Take(run, "b", ResourceEvent::STARTED);
  Take(run, "b", ResourceEvent::RUNNING);
  EXPECT_EQ(run.progress().total(), 3);
  EXPECT_EQ(run.progress().done(), 0);
  EXPECT_THAT(run.progress().active(), ElementsAre("a", "b"));
  Take(run, "a", ResourceEvent::DONE);
  Take(run, "b", ResourceEvent::ERRORED);
  EXPECT_EQ(run.progress().done(), 1);
  EXPECT_EQ(run.progress().failed(), 1);
  EXPECT_THAT(run.progress().active(), IsEmpty());
}

TEST(RunProgressTest, ATakeoverGoesOnCounting) {
  v1::Run run;
  v1::RunEvent total;
  total.set_planned_total(4);
  TakeEvent(total, run);
  Take(run, "a", ResourceEvent::DONE);
  Take(run, "b", ResourceEvent::DONE);
  // The next generation plans what is left, and tells it at the plan and at the change.
  total.set_planned_total(2);
  TakeEvent(total, run);
  TakeEvent(total, run);
  EXPECT_EQ(run.progress().total(), 4);
  EXPECT_EQ(run.progress().done(), 2);
  Take(run, "c", ResourceEvent::DONE);
  Take(run, "d", ResourceEvent::DONE);
  EXPECT_EQ(run.progress().done(), 4);
}

TEST(RunProgressTest, NeverMoreThanAll) {
  v1::Run run;
  v1::RunEvent total;
  total.set_planned_total(1);
  TakeEvent(total, run);
  for (int i = 0; i < 3; ++i) Take(run, "a", ResourceEvent::DONE);
  Take(run, "b", ResourceEvent::ERRORED);
  EXPECT_EQ(run.progress().done(), 3);
  EXPECT_EQ(run.progress().total(), 4);
}

TEST(RunProgressTest, ReadsAreNoWork) {
  v1::Run run;
  Take(run, "data.a", ResourceEvent::STARTED, ResourceChange::READ);
  Take(run, "data.a", ResourceEvent::DONE, ResourceChange::READ);
  EXPECT_EQ(run.progress().done(), 0);
  EXPECT_THAT(run.progress().active(), IsEmpty());
}

TEST(RunProgressTest, AtMostTenAreListedAndTheRestIsCounted) {
  v1::Run run;
  for (int i = 0; i < 30; ++i) Take(run, absl::StrCat("r", i), ResourceEvent::STARTED);
  EXPECT_EQ(run.progress().active_size(), 10);
  for (int i = 0; i < 30; ++i) Take(run, absl::StrCat("r", i), ResourceEvent::DONE);
  EXPECT_EQ(run.progress().done(), 30);
  EXPECT_EQ(run.progress().active_size(), 0);
}

TEST(RunProgressTest, DiagnosticsAreKeptUpToAHundred) {
  v1::Run run;
  for (int i = 0; i < 150; ++i) {
    v1::RunEvent event;
    event.mutable_diagnostic()->set_summary(absl::StrCat("no ", i));
    TakeEvent(event, run);
  }
  EXPECT_EQ(run.diagnostics_size(), 100);
  EXPECT_EQ(run.diagnostics(0).summary(), "no 0");
}

TEST(RunProgressTest, WhatIsUnknownChangesNothing) {
  v1::Run run;
  TakeEvent(v1::RunEvent(), run);
  v1::RunEvent notice;
  notice.set_notice("taken over");
  TakeEvent(notice, run);
  EXPECT_EQ(run.ByteSizeLong(), 0u);
}

}  // namespace
}  // namespace stackyard::stacks
