#include "services/runner/module_report.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "services/runner/json_events.h"
#include "services/runner/json_value.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr size_t kQuoted = 3;

v1::Parameter ReadVariable(const json& source) {
  v1::Parameter parameter;
  parameter.set_name(source.at("name").get<std::string>());
  parameter.set_type(source.at("type").get<std::string>());
  parameter.set_type_json(source.at("type_json").dump());
  parameter.set_description(source.value("description", ""));
  parameter.set_required(source.at("required").get<bool>());
  parameter.set_sensitive(source.value("sensitive", false));
  parameter.set_nullable(source.value("nullable", true));
  if (source.contains("default")) *parameter.mutable_default_value() = ToValue(source["default"]);
  parameter.set_injected(parameter.name() == kStackUidVariable);
  return parameter;
}

v1::Diagnostic ReadFault(const json& source) {
  v1::Diagnostic diagnostic;
  diagnostic.set_severity(source.value("severity", "") == "warning" ? v1::Diagnostic::WARNING
                                                                    : v1::Diagnostic::ERROR);
  diagnostic.set_summary(source.value("summary", ""));
  diagnostic.set_detail(source.value("detail", ""));
  diagnostic.set_file(source.value("file", ""));
  diagnostic.set_line(source.value("line", 0));
  return diagnostic;
}

ModuleReport Read(const json& source) {
  ModuleReport report;
  for (const json& variable : source.at("variables")) {
    *report.summary.add_parameters() = ReadVariable(variable);
  }
  for (const json& output : source.at("outputs")) {
    v1::OutputSpec& spec = *report.summary.add_outputs();
    spec.set_name(output.at("name").get<std::string>());
    spec.set_description(output.value("description", ""));
    spec.set_sensitive(output.value("sensitive", false));
  }
  std::set<std::string> providers;
  for (const json& provider : source.at("providers")) {
    const std::string constraint = provider.value("constraint", "");
    providers.insert(absl::StrCat(provider.at("source").get<std::string>(),
                                  constraint.empty() ? "" : " ", constraint));
  }
  for (const std::string& provider : providers) report.summary.add_providers(provider);
  for (const json& fault : source.at("diagnostics")) report.diagnostics.push_back(ReadFault(fault));
  if (const std::string backend = source.value("backend", ""); !backend.empty()) {
    v1::Diagnostic& diagnostic = report.diagnostics.emplace_back();
    diagnostic.set_severity(v1::Diagnostic::ERROR);
    diagnostic.set_summary("A template cannot choose where its state is kept");
    diagnostic.set_detail(absl::StrCat("Remove the block `", backend == "cloud" ? "" : "backend ",
                                       backend, "`: Stackyard keeps the state."));
  }
  return report;
}

}  // namespace

absl::StatusOr<ModuleReport> ReadModuleReport(std::string_view text) {
  try {
    return Read(json::parse(text));
  } catch (const json::exception& error) {
    return absl::InternalError(
        absl::StrCat("stackyard-inspect did not answer a report: ", error.what()));
  }
}

absl::Status ModuleStatus(const std::vector<v1::Diagnostic>& diagnostics) {
  std::vector<std::string> quoted;
  size_t errors = 0;
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::Diagnostic::ERROR) continue;
    if (++errors <= kQuoted) quoted.push_back(ToOneLine(diagnostic));
  }
  if (errors == 0) return absl::OkStatus();
  std::string message = absl::StrJoin(quoted, "; ");
  if (errors > kQuoted) absl::StrAppend(&message, "; and ", errors - kQuoted, " more");
  return Error(v1::MODULE_INVALID, message, {{"diagnostic", quoted.front()}});
}

}  // namespace stackyard::runner
