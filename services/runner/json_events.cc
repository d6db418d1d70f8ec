#include "services/runner/json_events.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/runner/terraform.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

// Members that are missing or of another type read as empty.
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

v1::ResourceChange::Action ToAction(std::string_view action) {
  if (action == "create") return v1::ResourceChange::CREATE;
  if (action == "update") return v1::ResourceChange::UPDATE;
  if (action == "replace") return v1::ResourceChange::REPLACE;
  if (action == "delete") return v1::ResourceChange::DELETE;
  if (action == "read") return v1::ResourceChange::READ;
  if (action == "remove") return v1::ResourceChange::FORGET;
  if (action == "noop") return v1::ResourceChange::NO_OP;
  return v1::ResourceChange::ACTION_UNSPECIFIED;
}

}  // namespace

v1::Diagnostic ReadDiagnostic(const json& source) {
  v1::Diagnostic result;
  result.set_severity(Text(source, "severity") == "warning" ? v1::Diagnostic::WARNING
                                                            : v1::Diagnostic::ERROR);
  result.set_summary(Text(source, "summary"));
  result.set_detail(Text(source, "detail"));
  result.set_address(Text(source, "address"));
  const json& range = Member(source, "range");
  result.set_file(Text(range, "filename"));
  // Nobody wrote that file; the text names the variable.
  if (result.file() == kParametersFile) {
    result.clear_file();
    return result;
  }
  const json& line = Member(Member(range, "start"), "line");
  if (line.is_number_integer()) result.set_line(line.get<int>());
  return result;
}

std::optional<std::vector<v1::Diagnostic>> ReadValidation(std::string_view text) {
  const json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!Member(answer, "valid").is_boolean()) return std::nullopt;
  std::vector<v1::Diagnostic> result;
  for (const json& diagnostic : Member(answer, "diagnostics")) {
    result.push_back(ReadDiagnostic(diagnostic));
  }
  return result;
}

std::string ToText(const v1::Diagnostic& diagnostic) {
  std::string text =
      absl::StrCat(diagnostic.severity() == v1::Diagnostic::WARNING ? "Warning: " : "Error: ",
                   diagnostic.summary());
  if (!diagnostic.address().empty()) absl::StrAppend(&text, " [", diagnostic.address(), "]");
  if (!diagnostic.file().empty()) {
    absl::StrAppend(&text, " (", diagnostic.file(), ":", diagnostic.line(), ")");
  }
  if (!diagnostic.detail().empty()) absl::StrAppend(&text, "\n", diagnostic.detail());
  return text;
}

std::string ToOneLine(const v1::Diagnostic& diagnostic) {
  std::string text;
  if (!diagnostic.file().empty()) {
    text = absl::StrCat(diagnostic.file(), ":", diagnostic.line(), ": ");
  }
  absl::StrAppend(&text, diagnostic.summary());
  if (!diagnostic.detail().empty()) absl::StrAppend(&text, ": ", diagnostic.detail());
  return absl::StrReplaceAll(text, {{"\n\n", " "}, {"\n", " "}});
}

TerraformLine JsonEvents::Read(std::string_view text) {
  TerraformLine result;
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object() || !line.contains("@message")) {
    result.log = std::string(text);
    return result;
  }
  result.log = Text(line, "@message");
  const std::string type = Text(line, "type");
  if (type == "planned_change") {
    ReadPlannedChange(line, result);
  } else if (type == "change_summary") {
    if (mode_ == Mode::kPlan) TellTotal(result);
  } else if (type == "apply_start" || type == "refresh_start") {
    ReadHook(line, v1::ResourceEvent::STARTED, result);
  } else if (type == "refresh_complete") {
    ReadHook(line, v1::ResourceEvent::DONE, result);
  } else if (type == "provision_start") {
    ReadProvisioning(line, result);
  } else if (type == "apply_progress") {
    ReadHook(line, v1::ResourceEvent::RUNNING, result);
  } else if (type == "apply_complete") {
    ReadHook(line, v1::ResourceEvent::DONE, result);
  } else if (type == "apply_errored") {
    ReadHook(line, v1::ResourceEvent::ERRORED, result);
  } else if (type == "diagnostic") {
    result.diagnostic = ReadDiagnostic(Member(line, "diagnostic"));
    result.log = ToText(*result.diagnostic);
    *result.events.emplace_back().mutable_diagnostic() = *result.diagnostic;
  }
  return result;
}

void JsonEvents::ReadPlannedChange(const json& line, TerraformLine& result) {
  const json& change = Member(line, "change");
  const std::string address = Text(Member(change, "resource"), "addr");
  const v1::ResourceChange::Action action = ToAction(Text(change, "action"));
  if (address.empty() || action == v1::ResourceChange::READ ||
      action == v1::ResourceChange::NO_OP || action == v1::ResourceChange::ACTION_UNSPECIFIED) {
    return;
  }
  planned_.emplace(address, action);
  if (action == v1::ResourceChange::REPLACE) replaced_.emplace(address, 0);
  if (mode_ != Mode::kPlan) return;
  v1::ResourceEvent& event = *result.events.emplace_back().mutable_resource();
  event.set_address(address);
  event.set_phase(v1::ResourceEvent::PLANNED);
  event.set_action(action);
}

void JsonEvents::TellTotal(TerraformLine& result) {
  if (std::exchange(told_total_, true)) return;
  result.events.emplace_back().set_planned_total(static_cast<int>(planned_.size()));
}

void JsonEvents::ReadHook(const json& line, v1::ResourceEvent::Phase phase, TerraformLine& result) {
  const json& hook = Member(line, "hook");
  const std::string address = Text(Member(hook, "resource"), "addr");
  v1::ResourceChange::Action action = ToAction(Text(hook, "action"));
  if (address.empty()) return;
  // A refresh has no action. Reading changes nothing and is not in the plan's counts.
  if (action == v1::ResourceChange::ACTION_UNSPECIFIED) action = v1::ResourceChange::READ;
  const bool reads = action == v1::ResourceChange::READ;
  if (!reads && mode_ == Mode::kApply) TellTotal(result);
  // A replacement comes as two: it is begun with the first and done with the second.
  const auto replaced = reads ? replaced_.end() : replaced_.find(address);
  if (replaced != replaced_.end()) {
    action = v1::ResourceChange::REPLACE;
    if (phase == v1::ResourceEvent::STARTED && replaced->second > 0) {
      phase = v1::ResourceEvent::RUNNING;
    } else if (phase == v1::ResourceEvent::DONE && ++replaced->second == 1) {
      phase = v1::ResourceEvent::RUNNING;
    }
  }
  v1::ResourceEvent& event = *result.events.emplace_back().mutable_resource();
  event.set_address(address);
  event.set_phase(phase);
  event.set_action(action);
  const json& elapsed = Member(hook, "elapsed_seconds");
  if (elapsed.is_number())
    event.mutable_elapsed()->set_seconds(std::llround(elapsed.get<double>()));
  event.set_id(Text(hook, "id_value"));
  if (phase == v1::ResourceEvent::DONE || phase == v1::ResourceEvent::ERRORED) {
    active_.erase(address);
  } else {
    active_[address] = action;
  }
}

// What it prints is in the log.
void JsonEvents::ReadProvisioning(const json& line, TerraformLine& result) {
  const std::string address = Text(Member(Member(line, "hook"), "resource"), "addr");
  const auto active = active_.find(address);
  if (active == active_.end()) return;
  v1::ResourceEvent& event = *result.events.emplace_back().mutable_resource();
  event.set_address(address);
  event.set_phase(v1::ResourceEvent::RUNNING);
  event.set_action(active->second);
}

}  // namespace stackyard::runner
