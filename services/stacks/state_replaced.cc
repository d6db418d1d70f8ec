#include "services/stacks/state_replaced.h"

#include <algorithm>

#include "services/stacks/flow.h"
#include "services/stacks/publications.h"
#include "services/stacks/reviews.h"
#include "services/stacks/shown_state.h"

namespace stackyard::stacks {

namespace {

bool HoldsQuota(const StackRecord& record) {
  return !record.reservation().empty() || !record.pending_reservation().empty();
}

}  // namespace

absl::Status OnStateReplaced(Change& change, StackRecord& record, const StateFile& state,
                             const std::string& why) {
  Stack& stack = *record.mutable_stack();
  stack.set_resource_count(static_cast<int>(
      std::count_if(state.resources.begin(), state.resources.end(),
                    [](const v1::Resource& resource) { return resource.mode() == "managed"; })));
  switch (stack.state()) {
    case Stack::READY:
    case Stack::FAILED:
    case Stack::AWAITING_APPROVAL:
      RETURN_IF_ERROR(ShowState(change, record, state));
      RETURN_IF_ERROR(SaveStack(change, record));
      PublishLater(change, record);
      return AskAnew(change, record);
    default:
      // What is held covers what may be there; the end of the run says what is.
      RETURN_IF_ERROR(SaveStack(change, record));
      RETURN_IF_ERROR(PlanFromState(change, record, why));
      if (stack.resource_count() == 0 || HoldsQuota(record)) return absl::OkStatus();
      // Brought to a new stack, of which nothing is held yet.
      RETURN_IF_ERROR(ShowState(change, record, state));
      return SaveStack(change, record);
  }
}

}  // namespace stackyard::stacks
