// Reads what Terraform prints with `-json`, line by line.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stackyard/v1/runs.pb.h"

namespace stackyard::runner {

// What one line tells. Nothing here is scrubbed yet.
struct TerraformLine {
  // Events without sequence and time.
  std::vector<v1::RunEvent> events;
  // Set when the line is a diagnostic; also among the events.
  std::optional<v1::Diagnostic> diagnostic;
  // For people; may be several lines; empty: nothing to tell.
  std::string log;
};

// Reads the lines of one process in order.
class JsonEvents {
 public:
  enum class Mode {
    // Planned changes become PLANNED events, and the summary a planned_total.
    kPlan,
    // Planned changes, which Terraform repeats, are only counted: planned_total comes before the
    // first of them begins.
    kApply,
  };
  explicit JsonEvents(Mode mode) : mode_(mode) {}

  // A line that is no JSON is only logged.
  TerraformLine Read(std::string_view line);

 private:
  void ReadPlannedChange(const nlohmann::json& line, TerraformLine& result);
  void ReadHook(const nlohmann::json& line, v1::ResourceEvent::Phase phase, TerraformLine& result);
  void ReadProvisioning(const nlohmann::json& line, TerraformLine& result);
  void TellTotal(TerraformLine& result);

  const Mode mode_;
  bool told_total_ = false;
  // What is planned: an address may stand for two things, an object and one that was replaced
  // earlier and is still to be destroyed.
  std::set<std::pair<std::string, v1::ResourceChange::Action>> planned_;
  // What is being done to the resources that are being worked on.
  std::map<std::string, v1::ResourceChange::Action> active_;
  // Addresses that are replaced, with how many of the two halves are done.
  std::map<std::string, int> replaced_;
};

// A diagnostic as Terraform's JSON has it, in `-json` lines and in `validate -json` alike.
v1::Diagnostic ReadDiagnostic(const nlohmann::json& json);

// The diagnostics of `terraform validate -json`; nothing when it is no such answer.
std::optional<std::vector<v1::Diagnostic>> ReadValidation(std::string_view text);

// `Error: summary (main.tf:3)` and below it the detail.
std::string ToText(const v1::Diagnostic& diagnostic);

// `main.tf:3: summary: detail` on one line.
std::string ToOneLine(const v1::Diagnostic& diagnostic);

}  // namespace stackyard::runner
