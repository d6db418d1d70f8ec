// The life of a stack as a pure transition table. Nothing else sets a stack's state.
#pragma once

#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stackyard/internal/v1/records.pb.h"

namespace stackyard::stacks {

using internal::v1::StackRecord;
using v1::Stack;

// A new revision, or the current one again, is to be planned.
struct PlanAsked {};
// A runner took the plan.
struct PlanStarted {};
// The plan is there and priced; reviewers decide.
struct ReviewAsked {
  std::string change_request;
};
// What is applied turned out not to be what was planned: planned again.
struct PlanStale {
  std::string why;
};
// The plan is to be applied.
struct ApplyAsked {};
// Everything was applied.
struct Applied {
  int64_t revision = 0;
};
// The change came to nothing before anything was touched: plan failed, no quota, rejected.
struct GivenUp {
  absl::Status why;
  // A reviewer, the requester or the clock said no, rather than something went wrong.
  bool refused = false;
};
// Something went wrong while resources were touched.
struct Broken {
  absl::Status why;
};
// Everything is to be destroyed.
struct DestroyAsked {};
// Everything is gone, or forgotten.
struct Gone {};

using StackEvent = std::variant<PlanAsked, PlanStarted, ReviewAsked, PlanStale, ApplyAsked, Applied,
                                GivenUp, Broken, DestroyAsked, Gone>;

// What an event is called in the event log, for example `stack.applied`.
std::string EventType(const StackEvent& event);

// The stack after the event, with state, state_detail and update_time set. WRONG_STATE when the
// table does not list the event for the stack's state: then nothing may be written.
//
// A change that is given up leaves a stack where it was settled before: READY stays READY with the
// reason in state_detail, FAILED stays FAILED. A new stack becomes FAILED, or REJECTED when it was
// refused or imported.
absl::StatusOr<StackRecord> Next(const StackRecord& record, const StackEvent& event,
                                 absl::Time now);

// Whether the name of a stack in this state is taken.
bool HoldsName(Stack::State state);

}  // namespace stackyard::stacks
