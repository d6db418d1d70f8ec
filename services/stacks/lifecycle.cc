#include "services/stacks/lifecycle.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

// One column of the table: the states in which an event may happen.
struct Rule {
  const char* type;
  const char* verb;
  std::vector<Stack::State> from;
};

// In the order of StackEvent's alternatives.
const Rule& RuleOf(const StackEvent& event) {
  static const auto* rules = new std::vector<Rule>{
      {"stack.planAsked", "be planned", {Stack::PENDING, Stack::READY, Stack::FAILED}},
      {"stack.planStarted", "be planned", {Stack::PENDING, Stack::PLANNING}},
      {"stack.reviewAsked", "be reviewed", {Stack::PLANNING}},
      {"stack.planStale", "be planned again", {Stack::AWAITING_APPROVAL, Stack::APPLYING}},
      {"stack.applyAsked", "be applied", {Stack::PLANNING, Stack::AWAITING_APPROVAL}},
      {"stack.applied", "become ready", {Stack::APPLYING}},
      {"stack.givenUp",
       "be given up",
       {Stack::PENDING, Stack::PLANNING, Stack::AWAITING_APPROVAL, Stack::APPLYING}},
      {"stack.broken", "break", {Stack::APPLYING, Stack::DESTROYING}},
      {"stack.destroyAsked",
       "be destroyed",
       {Stack::AWAITING_APPROVAL, Stack::READY, Stack::FAILED}},
      {"stack.gone", "be gone", {Stack::DESTROYING}},
  };
  static_assert(std::variant_size_v<StackEvent> == 10);
  return (*rules)[event.index()];
}

class Transition {
 public:
  Transition(StackRecord& record, absl::Time now) : record_(record), now_(now) {}

  void operator()(const PlanAsked&) {
    const bool fresh = record_.stack().state() == Stack::PENDING;
    Enter(fresh ? Stack::PENDING : Stack::PLANNING, "waits for a runner to plan it");
  }
  void operator()(const PlanStarted&) { Enter(Stack::PLANNING, "a runner plans it"); }
  void operator()(const ReviewAsked& event) {
    Enter(Stack::AWAITING_APPROVAL, absl::StrCat("waits for review of ", event.change_request));
    record_.mutable_stack()->set_change_request(event.change_request);
  }
  void operator()(const PlanStale& event) {
    Enter(Stack::PLANNING, absl::StrCat("is planned again: ", event.why));
  }
  void operator()(const ApplyAsked&) { Enter(Stack::APPLYING, "waits for a runner to apply it"); }
  void operator()(const Applied& event) {
    Settle(Stack::READY, "in use");
    record_.mutable_stack()->set_applied_revision(event.revision);
  }
  void operator()(const GivenUp& event) {
    const auto settled = record_.settled();
    if (settled == Stack::STATE_UNSPECIFIED) {
      // Nothing of an import is kept: its resources are not ours.
      const bool gone = event.refused || record_.imported();
      Enter(gone ? Stack::REJECTED : Stack::FAILED, std::string(event.why.message()));
    } else {
      Enter(settled,
            absl::StrCat("the last change came to nothing: ", std::string(event.why.message())));
    }
    Blame(event.why);
  }
  void operator()(const Broken& event) {
    Settle(Stack::FAILED, std::string(event.why.message()));
    Blame(event.why);
  }
  void operator()(const DestroyAsked&) {
    Enter(Stack::DESTROYING, "waits for a runner to destroy it");
  }
  void operator()(const Gone&) { Enter(Stack::DESTROYED, "destroyed"); }

 private:
  void Enter(Stack::State state, std::string message) {
    Stack& stack = *record_.mutable_stack();
    auto& detail = *stack.mutable_state_detail();
    if (stack.state() != state) *detail.mutable_since() = ToProto(now_);
    detail.set_message(std::move(message));
    detail.clear_error();
    stack.set_state(state);
    *stack.mutable_update_time() = ToProto(now_);
  }
  void Settle(Stack::State state, std::string message) {
    Enter(state, std::move(message));
    record_.set_settled(state);
  }
  void Blame(const absl::Status& why) {
    *record_.mutable_stack()->mutable_state_detail()->mutable_error() = ToProto(why);
  }

  StackRecord& record_;
  const absl::Time now_;
};

}  // namespace

std::string EventType(const StackEvent& event) { return RuleOf(event).type; }

absl::StatusOr<StackRecord> Next(const StackRecord& record, const StackEvent& event,
                                 absl::Time now) {
  const Rule& rule = RuleOf(event);
  const Stack::State state = record.stack().state();
  if (std::find(rule.from.begin(), rule.from.end(), state) == rule.from.end()) {
    return Error(v1::WRONG_STATE,
                 absl::StrCat(record.stack().name(), " cannot ", rule.verb, " while it is ",
                              Stack::State_Name(state)),
                 {{"resource", record.stack().name()}, {"state", Stack::State_Name(state)}});
  }
  StackRecord next = record;
  std::visit(Transition(next, now), event);
  return next;
}

bool HoldsName(Stack::State state) { return state != Stack::DESTROYED && state != Stack::REJECTED; }

}  // namespace stackyard::stacks
