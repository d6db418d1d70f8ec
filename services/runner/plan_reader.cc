#include "services/runner/plan_reader.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "services/runner/attribute_diff.h"
#include "services/runner/json_value.h"

namespace stackyard::runner {
namespace {

using internal::v1::Assignment;
using internal::v1::PlanSummary;
using nlohmann::json;

constexpr size_t kMaxToldBytes = 16 << 20;

const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::string Text(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

v1::ResourceChange::Action ToAction(const json& actions) {
  using Actions = std::vector<std::string>;
  static const std::map<Actions, v1::ResourceChange::Action> kActions = {
      {{"no-op"}, v1::ResourceChange::NO_OP},
      {{"create"}, v1::ResourceChange::CREATE},
      {{"update"}, v1::ResourceChange::UPDATE},
      {{"delete"}, v1::ResourceChange::DELETE},
      {{"read"}, v1::ResourceChange::READ},
      {{"forget"}, v1::ResourceChange::FORGET},
      {{"delete", "create"}, v1::ResourceChange::REPLACE},
      {{"create", "delete"}, v1::ResourceChange::REPLACE},
      {{"create", "forget"}, v1::ResourceChange::REPLACE},
      {{"forget", "create"}, v1::ResourceChange::REPLACE},
  };
  Actions names;
  for (const json& action : actions) {
    if (action.is_string()) names.push_back(action.get<std::string>());
  }
  const auto found = kActions.find(names);
  return found == kActions.end() ? v1::ResourceChange::ACTION_UNSPECIFIED : found->second;
}

class PlanReader {
 public:
  PlanReader(const Assignment& assignment, const Scrubber& scrubber)
      : assignment_(assignment), scrubber_(scrubber) {}

  PlanSummary Read(const json& plan) {
    LearnPlanSecrets(plan, scrubber_);
    const bool refresh = assignment_.work() == Assignment::REFRESH;
    for (const json& change : Member(plan, "resource_changes")) ReadChange(change, !refresh);
    if (refresh) {
      for (const json& drift : Member(plan, "resource_drift")) ReadDrift(drift);
    }
    for (const auto& [name, change] : Member(plan, "output_changes").items()) {
      if (ToAction(Member(change, "actions")) != v1::ResourceChange::NO_OP) {
        summary_.mutable_plan()->add_changed_outputs(name);
      }
    }
    // Of a look for drift nothing is applied: what is there is what was read.
    ReadModule(refresh ? Member(Member(Member(plan, "prior_state"), "values"), "root_module")
                       : Member(Member(plan, "planned_values"), "root_module"));
    auto& resources = *summary_.mutable_resources();
    std::stable_sort(resources.begin(), resources.end(),
                     [](const auto& a, const auto& b) { return a.address() < b.address(); });
    return std::move(summary_);
  }

 private:
  void ReadChange(const json& source, bool tell) {
    const json& change = Member(source, "change");
    const v1::ResourceChange::Action action = ToAction(Member(change, "actions"));
    const std::string address = Text(source, "address");
    // A deposed object is not the one that the address will mean.
    if (!source.contains("deposed")) planned_[address] = {&change, action};
    if (action != v1::ResourceChange::NO_OP) touched_.insert(address);
    if (!tell || action == v1::ResourceChange::NO_OP) return;
    if (Text(source, "mode") == "managed") Count(action);
    Keep(ToChange(source, action));
  }

  // What is not as the state says is drift where the plan would bring it back. The rest are values
  // that providers compute and that others may change, often a resource of the same module: a
  // bucket tells of the versioning that was set after it was made.
  void ReadDrift(const json& source) {
    if (touched_.count(Text(source, "address")) == 0) return;
    const v1::ResourceChange::Action action = ToAction(Member(Member(source, "change"), "actions"));
    if (action == v1::ResourceChange::NO_OP) return;
    v1::ResourceChange change = ToChange(source, action);
    // Only the spelling differs, or a resource was moved: nothing to show.
    if (action == v1::ResourceChange::UPDATE && change.attributes().empty()) return;
    Count(action);
    Keep(std::move(change));
  }

  v1::ResourceChange ToChange(const json& source, v1::ResourceChange::Action action) const {
    v1::ResourceChange change;
    change.set_address(scrubber_.Scrub(Text(source, "address")));
    change.set_type(Text(source, "type"));
    change.set_action(action);
    change.set_reason(Text(source, "action_reason"));
    AddAttributeChanges(Member(source, "change"), scrubber_, change);
    return change;
  }

  void Keep(v1::ResourceChange change) {
    v1::Plan& plan = *summary_.mutable_plan();
    if (plan.changes_size() >= kMaxChanges) return;
    // A message has its limits: of the rest only what is done to it is told.
    told_bytes_ += change.ByteSizeLong();
    if (told_bytes_ > kMaxToldBytes) change.clear_attributes();
    *plan.add_changes() = std::move(change);
  }

  void Count(v1::ResourceChange::Action action) {
    v1::Plan& plan = *summary_.mutable_plan();
    if (action == v1::ResourceChange::CREATE) plan.set_to_create(plan.to_create() + 1);
    if (action == v1::ResourceChange::UPDATE) plan.set_to_update(plan.to_update() + 1);
    if (action == v1::ResourceChange::REPLACE) plan.set_to_replace(plan.to_replace() + 1);
    if (action == v1::ResourceChange::DELETE) plan.set_to_destroy(plan.to_destroy() + 1);
  }

  void ReadModule(const json& module) {
    for (const json& resource : Member(module, "resources")) {
      if (Text(resource, "mode") == "managed") ReadResource(resource);
    }
    for (const json& child : Member(module, "child_modules")) ReadModule(child);
  }

  void ReadResource(const json& resource) {
    const std::string address = Text(resource, "address");
    const auto planned = planned_.find(address);
    // It will be there, but it is the stack's no longer.
    if (planned != planned_.end() && planned->second.action == v1::ResourceChange::FORGET) return;
    internal::v1::MeteredResource& result = *summary_.add_resources();
    result.set_address(scrubber_.Scrub(address));
    result.set_type(Text(resource, "type"));
    const auto wanted = assignment_.metered_attributes().find(result.type());
    if (wanted == assignment_.metered_attributes().end()) return;
    for (const std::string& path : wanted->second.paths()) {
      if (planned != planned_.end() && IsHidden(*planned->second.change, path)) continue;
      if (IsMarked(Member(resource, "sensitive_values"), path)) continue;
      const json* value = Find(Member(resource, "values"), path);
      if (value != nullptr &&
          scrubber_.Holds(value->dump(-1, ' ', false, json::error_handler_t::replace))) {
        continue;
      }
      // Known not to be there is null, which is not the same as unknown.
      (*result.mutable_attributes())[path] = ToValue(value == nullptr ? json() : *value);
    }
  }

  // Not known before it is applied, or secret: what the schema alone calls so is marked in changes
  // only.
  static bool IsHidden(const json& change, const std::string& path) {
    return IsMarked(Member(change, "after_unknown"), path) ||
           IsMarked(Member(change, "after_sensitive"), path);
  }

  struct Planned {
    const json* change;
    v1::ResourceChange::Action action;
  };

  const Assignment& assignment_;
  Scrubber scrubber_;
  PlanSummary summary_;
  size_t told_bytes_ = 0;
  // Addresses that the plan does something to.
  std::set<std::string> touched_;
  std::map<std::string, Planned> planned_;
};

}  // namespace

// Providers copy what they are given to where no mark is, for example terraform_data its input to
// its output. So what is marked anywhere is left out everywhere.
void LearnPlanSecrets(const json& plan, Scrubber& scrubber) {
  const auto learn = [&scrubber](const json& change) {
    scrubber.LearnMarked(Member(change, "before"), Member(change, "before_sensitive"));
    scrubber.LearnMarked(Member(change, "after"), Member(change, "after_sensitive"));
  };
  for (const char* list : {"resource_changes", "resource_drift"}) {
    for (const json& source : Member(plan, list)) learn(Member(source, "change"));
  }
  for (const json& change : Member(plan, "output_changes")) learn(change);
  const json& declared = Member(Member(Member(plan, "configuration"), "root_module"), "variables");
  for (const auto& [name, variable] : Member(plan, "variables").items()) {
    scrubber.LearnMarked(Member(variable, "value"),
                         Member(Member(declared, name.c_str()), "sensitive"));
  }
}

absl::StatusOr<PlanSummary> ReadPlan(std::string_view text, const Assignment& assignment,
                                     const Scrubber& scrubber) {
  return ReadPlanDocument(json::parse(text, nullptr, /*allow_exceptions=*/false), assignment,
                          scrubber);
}

absl::StatusOr<PlanSummary> ReadPlanDocument(const json& plan, const Assignment& assignment,
                                             const Scrubber& scrubber) {
  if (!plan.is_object() || !plan.contains("format_version") || !plan.contains("planned_values")) {
    return absl::InternalError("terraform show did not answer a plan");
  }
  PlanSummary summary = PlanReader(assignment, scrubber).Read(plan);
  summary.mutable_plan();
  return summary;
}

}  // namespace stackyard::runner
