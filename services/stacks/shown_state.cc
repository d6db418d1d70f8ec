#include "services/stacks/shown_state.h"

#include <string>
#include <utility>

#include "common/log.h"
#include "services/stacks/catalog_store.h"
#include "services/stacks/leases.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/meters.h"
#include "services/stacks/quota_tasks.h"
#include "services/stacks/stack_files.h"

namespace stackyard::stacks {
namespace {

// What a state holds by the meters of a template version.
absl::StatusOr<Price> PriceOfState(Change& change, const StateFile& state,
                                   const std::string& version) {
  ASSIGN_OR_RETURN(const StoredVersion stored,
                   FindVersionByName(change.sql, "template_version", version));
  return PriceOfStack(stored.version.meters(),
                      MeteredResources(state, MeteredAttributes(stored.version.meters())));
}

}  // namespace

bool HoldsAnything(const StackRecord& record) {
  return record.stack().resource_count() > 0 || !record.reservation().empty();
}

absl::Status TakeState(Change& change, StackRecord& record, const StateFile& state,
                       const RevisionRecord* revision) {
  Stack& stack = *record.mutable_stack();
  stack.clear_outputs();
  for (const auto& [name, output] : state.outputs) {
    v1::Output shown = output;
    if (shown.sensitive()) shown.clear_value();
    (*stack.mutable_outputs())[name] = std::move(shown);
  }
  int count = 0;
  for (const auto& resource : state.resources) count += resource.mode() == "managed";
  stack.set_resource_count(count);
  const auto stored = FindVersionByName(change.sql, "template_version", stack.template_version());
  if (stored.ok()) ShowFiles(stored->version, stack);
  const auto price = PriceOfState(change, state, stack.template_version());
  if (!price.ok()) {
    // The plan was countable, so its amounts stand; an operator should know.
    if (revision != nullptr) *stack.mutable_amounts() = revision->revision().plan().amounts();
    LogWarning("the state of a stack cannot be counted",
               {{"stack", stack.name()}, {"error", std::string(price.status().message())}});
    return absl::OkStatus();
  }
  stack.mutable_amounts()->Assign(price->amounts.begin(), price->amounts.end());
  stack.set_estimated_micros_per_hour(price->micros_per_hour);
  stack.set_currency(price->currency);
  stack.set_price_date(price->price_date);
  return absl::OkStatus();
}

absl::Status CoverApplied(Change& change, StackRecord& record, const StateFile& state) {
  Stack& stack = *record.mutable_stack();
  if (stack.applied_revision() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const StackName name, StackName::Parse("name", stack.name()));
  ASSIGN_OR_RETURN(const RevisionRecord applied,
                   FindRevision(change.sql, name, stack.applied_revision()));
  const std::string& before = applied.revision().template_version();
  if (before == stack.template_version()) return absl::OkStatus();
  const auto price = PriceOfState(change, state, before);
  // The proposed version could count it; the old one need not.
  if (!price.ok()) return absl::OkStatus();
  RaiseAmounts({price->amounts.begin(), price->amounts.end()}, *stack.mutable_amounts());
  return absl::OkStatus();
}

absl::Status ShowState(Change& change, StackRecord& record, const StateFile& state) {
  RETURN_IF_ERROR(TakeState(change, record, state, nullptr));
  RETURN_IF_ERROR(CoverApplied(change, record, state));
  Stack& stack = *record.mutable_stack();
  stack.clear_drift();
  if (record.imported()) *record.mutable_imported_amounts() = stack.amounts();
  // What is there is not given up with the plan of a new stack.
  if (stack.resource_count() > 0 && record.settled() == Stack::STATE_UNSPECIFIED &&
      !record.imported()) {
    record.set_settled(Stack::FAILED);
  }
  if (!record.reservation().empty()) {
    CommitLater(change, record.reservation(), stack.amounts());
  } else if (stack.resource_count() > 0) {
    RestoreLater(change, stack);
  }
  if (HoldsAnything(record)) WatchLease(change, record, kRetryDestroy);
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
