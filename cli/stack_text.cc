#include "cli/stack_text.h"

#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

std::string LeaseText(const v1::Lease& lease, absl::Time now) {
  if (!lease.has_end_time()) return "";
  const bool ahead = lease.has_start_time() && FromProto(lease.start_time()) > now;
  const std::string begins = ahead ? absl::StrCat("begins ", Until(lease.start_time(), now), ", ",
                                                  TimeText(lease.start_time()), "; ")
                                   : "";
  return absl::StrCat(begins, "ends ", Until(lease.end_time(), now), ", ",
                      TimeText(lease.end_time()), lease.extended() ? " (extended)" : "");
}

std::string DriftText(const v1::Stack& stack, absl::Time now) {
  if (!stack.has_drift()) return "";
  const std::string found = stack.drift().changes().empty()
                                ? "none"
                                : absl::StrCat(stack.drift().changes_size(), " resources differ");
  return absl::StrCat(found, ", checked ", Age(stack.drift().check_time(), now), " ago");
}

// Maps of protobuf have no order.
template <typename T>
std::map<std::string, T> Sorted(const google::protobuf::Map<std::string, T>& map) {
  return std::map<std::string, T>(map.begin(), map.end());
}

}  // namespace

std::string StackText(const v1::Stack& stack, absl::Time now, bool color) {
  Fields fields;
  fields.Add("Name", stack.name());
  fields.Add("Title", stack.display_name());
  fields.Add("State", v1::Stack::State_Name(stack.state()));
  fields.Add("Detail", stack.state_detail().message());
  fields.Add("Template", absl::StrCat(LastPart(FirstParts(stack.template_version(), 2)), "@",
                                      LastPart(stack.template_version())));
  fields.Add("Revision",
             absl::StrCat(stack.latest_revision(), " (applied: ", stack.applied_revision(), ")"));
  fields.Add("Resources", absl::StrCat(stack.resource_count()));
  fields.Add("Quota", AmountsText(stack.amounts()));
  fields.Add("Cost",
             EstimateText(stack.estimated_micros_per_hour(), stack.currency(), stack.price_date()));
  const bool gone = stack.state() == v1::Stack::DESTROYED || stack.state() == v1::Stack::REJECTED;
  fields.Add("Lease", gone ? "" : LeaseText(stack.lease(), now));
  fields.Add("Drift", DriftText(stack, now));
  fields.Add("Request", stack.change_request());
  fields.Add("Run", stack.active_run());
  fields.Add("Operation", stack.operation());
  fields.Add("Creator", LastPart(stack.creator()));
  fields.Add("Created", absl::StrCat(Age(stack.create_time(), now), " ago"));
  for (const auto& [key, value] : Sorted(stack.labels())) fields.Add("Label " + key, value);
  std::string text = fields.Text(color);

  if (stack.state_detail().has_error()) {
    absl::StrAppend(&text, "\n", Paint("Error: ", Color::kRed, color),
                    stack.state_detail().error().message(), "\n");
  }
  Table parameters({"PARAMETER", "VALUE"});
  for (const auto& [name, value] : Sorted(stack.parameters().fields())) {
    parameters.Add({name, Cut(ValueText(value), 100)});
  }
  if (!parameters.empty()) absl::StrAppend(&text, "\n", parameters.Text(color));
  if (!stack.outputs().empty()) absl::StrAppend(&text, "\n", OutputsText(stack.outputs(), color));
  return text;
}

std::string OutputsText(const google::protobuf::Map<std::string, v1::Output>& outputs, bool color) {
  Table table({"OUTPUT", "VALUE", "DESCRIPTION"});
  for (const auto& [name, output] : Sorted(outputs)) {
    table.Add({name,
               output.has_value()   ? Cut(ValueText(output.value()), 100)
               : output.sensitive() ? "(sensitive)"
                                    : "",
               Cut(output.description(), 60)});
  }
  return table.Text(color);
}

}  // namespace stackyard::cli
