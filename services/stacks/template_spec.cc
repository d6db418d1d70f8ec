#include "services/stacks/template_spec.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/utf8.h"
#include "common/yaml_reader.h"
#include "services/stacks/meters.h"
#include "services/stacks/parameters.h"
#include "services/stacks/run_limits_spec.h"

namespace stackyard::stacks {
namespace {

constexpr char kFile[] = "template.yaml";
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

// Line of the first byte that is no UTF-8, which YAML lets through; 0: there is none.
int LineOfNoText(std::string_view text) {
  const std::string valid = ValidUtf8(text);
  const auto at = std::mismatch(text.begin(), text.end(), valid.begin(), valid.end()).first;
  return at == text.end() ? 0 : 1 + static_cast<int>(std::count(text.begin(), at, '\n'));
}

bool IsIdentifier(std::string_view text) {
  static const RE2 kPattern("[a-z][a-z0-9_]{0,39}");
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kPattern);
}

class SpecReader {
 public:
  explicit SpecReader(Violations& violations) : yaml_(kFile, violations) {}

  TemplateSpec Read(const YAML::Node& root) {
    v1::TemplateVersion& version = spec_.version;
    SetDefaults();
    yaml_.ReadMap(
        root, kFile,
        {{"title",
          [&](const YAML::Node& n) { version.set_title(yaml_.ReadString(n, "title", 100)); }},
         {"description",
          [&](const YAML::Node& n) {
            version.set_description(yaml_.ReadString(n, "description", 2000));
          }},
         {"parameters", [&](const YAML::Node& n) { ReadParameters(n); }},
         {"meters",
          [&](const YAML::Node& n) {
            yaml_.ReadList(n, "meters", [&](const YAML::Node& item, const std::string& where) {
              ReadMeter(item, where);
            });
            CheckPrices(n);
          }},
         {"approval", [&](const YAML::Node& n) { ReadApproval(n); }},
         {"lease", [&](const YAML::Node& n) { ReadLease(n); }},
         {"drift",
          [&](const YAML::Node& n) {
            yaml_.ReadMap(n, "drift", {{"interval", [&](const YAML::Node& interval) {
                                          *version.mutable_drift()->mutable_interval() = ToProto(
                                              yaml_.ReadDuration(interval, "drift.interval"));
                                        }}});
          }},
         {"files",
          [&](const YAML::Node& n) {
            yaml_.ReadList(n, "files", [&](const YAML::Node& item, const std::string& where) {
              ReadFile(item, where);
            });
          }},
         {"limits",
          [&](const YAML::Node& n) { ReadRunLimits(yaml_, n, *version.mutable_limits()); }},
         {"network", [&](const YAML::Node& n) {
            yaml_.ReadMap(n, "network", {{"disabled", [&](const YAML::Node& disabled) {
                                            version.mutable_network()->set_disabled(
                                                yaml_.ReadBool(disabled, "network.disabled"));
                                          }}});
          }}});
    if (root.IsMap() && version.title().empty() && !root["title"]) {
      yaml_.Fault(root, "`title` is missing");
    }
    return std::move(spec_);
  }

 private:
  void SetDefaults() {
    auto& approval = *spec_.version.mutable_approval();
    approval.set_mode(v1::ApprovalPolicy::REQUIRED);
    approval.set_reviewer_role("devops");
    approval.set_required_approvals(1);
    *approval.mutable_expires_after() = ToProto(absl::Hours(7 * 24));
    auto& lease = *spec_.version.mutable_lease();
    *lease.mutable_default_duration() = ToProto(absl::Hours(7 * 24));
    *lease.mutable_max_duration() = ToProto(absl::Hours(90 * 24));
    for (const absl::Duration lead : {absl::Hours(48), absl::Hours(2), absl::Minutes(30)}) {
      *lease.add_warnings() = ToProto(lead);
    }
  }

  void ReadParameters(const YAML::Node& node) {
    if (!node.IsMap()) return yaml_.Fault(node, "parameters must be a map");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = entry.first.Scalar();
      if (!seen.insert(name).second) {
        yaml_.Fault(entry.first, absl::StrCat("parameters has `", name, "` twice"));
        continue;
      }
      ReadParameter(name, entry.second);
      spec_.parameter_lines.push_back(YamlReader::LineOf(entry.first));
    }
  }

  void ReadParameter(const std::string& name, const YAML::Node& node) {
    v1::Parameter& parameter = *spec_.version.add_parameters();
    parameter.set_name(name);
    const std::string where = absl::StrCat("parameters.", name);
    const auto at = [&](const char* key) { return absl::StrCat(where, ".", key); };
    yaml_.ReadMap(
        node, where,
        {{"title",
          [&](const YAML::Node& n) { parameter.set_title(yaml_.ReadString(n, at("title"), 100)); }},
         {"description",
          [&](const YAML::Node& n) {
            parameter.set_description(yaml_.ReadString(n, at("description"), 2000));
          }},
         {"minimum",
          [&](const YAML::Node& n) { parameter.set_minimum(yaml_.ReadNumber(n, at("minimum"))); }},
         {"maximum",
          [&](const YAML::Node& n) { parameter.set_maximum(yaml_.ReadNumber(n, at("maximum"))); }},
         {"min_length",
          [&](const YAML::Node& n) {
            parameter.set_min_length(
                static_cast<int>(yaml_.ReadInteger(n, at("min_length"), 0, kMost)));
          }},
         {"max_length",
          [&](const YAML::Node& n) {
            parameter.set_max_length(
                static_cast<int>(yaml_.ReadInteger(n, at("max_length"), 0, kMost)));
          }},
         {"pattern",
          [&](const YAML::Node& n) {
            parameter.set_pattern(yaml_.ReadString(n, at("pattern"), 1000));
            RE2::Options options;
            options.set_log_errors(false);
            const RE2 pattern(parameter.pattern(), options);
            if (!pattern.ok()) {
              yaml_.Fault(n,
                          absl::StrCat(at("pattern"), " is no RE2 expression: ", pattern.error()));
            }
          }},
         {"allowed_values",
          [&](const YAML::Node& n) {
            yaml_.ReadList(n, at("allowed_values"),
                           [&](const YAML::Node& item, const std::string&) {
                             *parameter.add_allowed_values() = yaml_.ReadValue(item);
                           });
          }},
         {"example",
          [&](const YAML::Node& n) { *parameter.mutable_example() = yaml_.ReadValue(n); }}});
    if (parameter.has_minimum() && parameter.has_maximum() &&
        parameter.minimum() > parameter.maximum()) {
      yaml_.Fault(node, absl::StrCat(where, " has a minimum above its maximum"));
    }
    if (parameter.has_min_length() && parameter.has_max_length() &&
        parameter.min_length() > parameter.max_length()) {
      yaml_.Fault(node, absl::StrCat(where, " has a min_length above its max_length"));
    }
  }

  void ReadMeter(const YAML::Node& node, const std::string& where) {
    v1::Meter& meter = *spec_.version.add_meters();
    meter.set_amount(1);
    yaml_.ReadMap(
        node, where,
        {{"metric",
          [&](const YAML::Node& n) {
            meter.set_metric(yaml_.ReadString(n, where + ".metric", 40));
            if (!IsIdentifier(meter.metric())) {
              yaml_.Fault(n, where + ".metric must be a-z, 0-9 and _, starting with a letter");
            }
            if (meter.metric() == kStackMetric) {
              yaml_.Fault(n, where + ".metric `stacks` is counted by itself: one for each stack");
            }
          }},
         {"resource_type",
          [&](const YAML::Node& n) {
            meter.set_resource_type(yaml_.ReadString(n, where + ".resource_type", 100));
          }},
         {"amount",
          [&](const YAML::Node& n) {
            meter.set_amount(yaml_.ReadInteger(n, where + ".amount", 0, kMost));
          }},
         {"attribute",
          [&](const YAML::Node& n) {
            meter.set_attribute(yaml_.ReadString(n, where + ".attribute", 200));
          }},
         {"lookup", [&](const YAML::Node& n) { ReadLookup(n, where + ".lookup", meter); }},
         {"price", [&](const YAML::Node& n) { ReadPrice(n, where + ".price", meter); }},
         {"cost",
          [&](const YAML::Node& n) { meter.set_cost(yaml_.ReadBool(n, where + ".cost")); }}});
    if (!node.IsMap()) return;
    // What has a price may count for the estimated cost alone.
    if (!node["metric"] && !node["price"]) yaml_.Fault(node, where + ".metric is missing");
    if (meter.cost()) {
      for (const char* key : {"resource_type", "amount", "attribute", "lookup", "price"}) {
        if (node[key]) {
          yaml_.Fault(node, absl::StrCat(where, " counts the cost and takes no ", key));
        }
      }
      return;
    }
    if (!node["resource_type"]) yaml_.Fault(node, where + ".resource_type is missing");
    if (!meter.attribute().empty() && meter.has_lookup()) {
      yaml_.Fault(node, where + " has attribute and lookup; it takes one");
    }
  }

  // An estimate is a sum of one currency, and a meter of the cost has something to count.
  void CheckPrices(const YAML::Node& node) {
    std::set<std::string> currencies;
    std::set<std::string> budgets;
    std::set<std::string> counted;
    for (const v1::Meter& meter : spec_.version.meters()) {
      if (!meter.currency().empty()) currencies.insert(meter.currency());
      (meter.cost() ? budgets : counted).insert(meter.metric());
    }
    if (currencies.size() > 1) yaml_.Fault(node, "meters have prices in more than one currency");
    if (budgets.empty()) return;
    if (currencies.empty()) yaml_.Fault(node, "meters count the cost, and none has a price");
    for (const std::string& metric : budgets) {
      if (counted.count(metric) > 0) {
        yaml_.Fault(node, absl::StrCat("meters add resources and cost to the one metric ", metric));
      }
    }
  }

  void ReadLookup(const YAML::Node& node, const std::string& where, v1::Meter& meter) {
    auto& lookup = *meter.mutable_lookup();
    yaml_.ReadMap(node, where,
                  {{"attribute",
                    [&](const YAML::Node& n) {
                      lookup.set_attribute(yaml_.ReadString(n, where + ".attribute", 200));
                    }},
                   {"table",
                    [&](const YAML::Node& n) {
                      if (!n.IsMap()) return yaml_.Fault(n, where + ".table must be a map");
                      for (const auto& entry : n) {
                        (*lookup.mutable_table())[entry.first.Scalar()] = yaml_.ReadInteger(
                            entry.second, absl::StrCat(where, ".table.", entry.first.Scalar()), 0,
                            kMost);
                      }
                    }},
                   {"default", [&](const YAML::Node& n) {
                      lookup.set_default_amount(yaml_.ReadInteger(n, where + ".default", 0, kMost));
                    }}});
    if (node.IsMap() && lookup.attribute().empty()) {
      yaml_.Fault(node, where + ".attribute is missing");
    }
    if (node.IsMap() && !node["table"]) yaml_.Fault(node, where + ".table is missing");
  }

  void ReadPrice(const YAML::Node& node, const std::string& where, v1::Meter& meter) {
    yaml_.ReadMap(node, where,
                  {{"per_hour",
                    [&](const YAML::Node& n) {
                      const double price = yaml_.ReadNumber(n, where + ".per_hour");
                      if (price < 0 || price > 1e6) {
                        yaml_.Fault(n, where + ".per_hour must be from 0 to 1000000");
                      } else {
                        meter.set_price_micros_per_hour(std::llround(price * 1e6));
                      }
                    }},
                   {"currency",
                    [&](const YAML::Node& n) {
                      meter.set_currency(yaml_.ReadString(n, where + ".currency", 3));
                      static const RE2 kCode("[A-Z]{3}");
                      if (!RE2::FullMatch(meter.currency(), kCode)) {
                        yaml_.Fault(n, where + ".currency must be an ISO 4217 code like USD");
                      }
                    }},
                   {"date", [&](const YAML::Node& n) {
                      meter.set_price_date(yaml_.ReadString(n, where + ".date", 10));
                      absl::CivilDay day;
                      if (!absl::ParseCivilTime(meter.price_date(), &day)) {
                        return yaml_.Fault(n, where + ".date must be a day like 2026-01-31");
                      }
                      meter.set_price_date(absl::FormatCivilTime(day));
                    }}});
    for (const char* key : {"per_hour", "currency", "date"}) {
      if (node.IsMap() && !node[key])
        yaml_.Fault(node, absl::StrCat(where, ".", key, " is missing"));
    }
  }

  void ReadApproval(const YAML::Node& node) {
    auto& approval = *spec_.version.mutable_approval();
    yaml_.ReadMap(node, "approval",
                  {{"mode",
                    [&](const YAML::Node& n) {
                      const std::string mode = yaml_.ReadString(n, "approval.mode", 20);
                      if (mode != "auto" && mode != "required") {
                        yaml_.Fault(n, "approval.mode must be auto or required");
                      }
                      approval.set_mode(mode == "auto" ? v1::ApprovalPolicy::AUTO
                                                       : v1::ApprovalPolicy::REQUIRED);
                    }},
                   {"reviewer_role",
                    [&](const YAML::Node& n) {
                      approval.set_reviewer_role(yaml_.ReadString(n, "approval.reviewer_role", 40));
                    }},
                   {"required_approvals",
                    [&](const YAML::Node& n) {
                      approval.set_required_approvals(static_cast<int>(
                          yaml_.ReadInteger(n, "approval.required_approvals", 1, 10)));
                    }},
                   {"review_destroy",
                    [&](const YAML::Node& n) {
                      approval.set_review_destroy(yaml_.ReadBool(n, "approval.review_destroy"));
                    }},
                   {"expires_after", [&](const YAML::Node& n) {
                      *approval.mutable_expires_after() =
                          ToProto(yaml_.ReadDuration(n, "approval.expires_after"));
                    }}});
  }

  void ReadLease(const YAML::Node& node) {
    auto& lease = *spec_.version.mutable_lease();
    yaml_.ReadMap(
        node, "lease",
        {{"default",
          [&](const YAML::Node& n) {
            *lease.mutable_default_duration() = ToProto(yaml_.ReadDuration(n, "lease.default"));
          }},
         {"maximum",
          [&](const YAML::Node& n) {
            *lease.mutable_max_duration() = ToProto(yaml_.ReadDuration(n, "lease.maximum"));
          }},
         {"warnings", [&](const YAML::Node& n) {
            lease.clear_warnings();
            yaml_.ReadList(n, "lease.warnings",
                           [&](const YAML::Node& item, const std::string& where) {
                             *lease.add_warnings() = ToProto(yaml_.ReadDuration(item, where));
                           });
          }}});
    if (!node["default"]) {
      *lease.mutable_default_duration() =
          ToProto(std::min(FromProto(lease.default_duration()), FromProto(lease.max_duration())));
    }
    if (FromProto(lease.default_duration()) > FromProto(lease.max_duration())) {
      yaml_.Fault(node, "lease.default is longer than lease.maximum");
    }
  }

  void ReadFile(const YAML::Node& node, const std::string& where) {
    v1::OutputFile& file = *spec_.version.add_files();
    yaml_.ReadMap(node, where,
                  {{"filename",
                    [&](const YAML::Node& n) {
                      file.set_filename(yaml_.ReadString(n, where + ".filename", 100));
                      if (file.filename().find('/') != std::string::npos) {
                        yaml_.Fault(n, where + ".filename must have no `/`");
                      }
                    }},
                   {"output", [&](const YAML::Node& n) {
                      file.set_output(yaml_.ReadString(n, where + ".output", 100));
                    }}});
    if (file.filename().empty() || file.output().empty()) {
      yaml_.Fault(node, where + " needs filename and output");
    }
  }

  YamlReader yaml_;
  TemplateSpec spec_;
};

}  // namespace

absl::StatusOr<TemplateSpec> ParseTemplateSpec(std::string_view yaml) {
  Violations violations;
  TemplateSpec spec;
  try {
    if (const int line = LineOfNoText(yaml); line > 0) {
      return InvalidField(absl::StrCat(kFile, ":", line), "is no UTF-8");
    }
    const std::string text(yaml);
    RefuseAliases(kFile, text, violations);
    if (!violations.empty()) return violations.ToStatus();
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) {
      violations.Add(absl::StrCat(kFile, ":1"), "must be a map with at least `title`");
    } else {
      spec = SpecReader(violations).Read(root);
    }
  } catch (const YAML::Exception& error) {
    violations.Add(absl::StrCat(kFile, ":", error.mark.line + 1),
                   absl::StrCat("is no YAML: ", error.msg));
  }
  if (!violations.empty()) return violations.ToStatus();
  return spec;
}

absl::Status JoinModule(const TemplateSpec& spec,
                        const google::protobuf::RepeatedPtrField<v1::Parameter>& variables,
                        const google::protobuf::RepeatedPtrField<v1::OutputSpec>& outputs,
                        v1::TemplateVersion& version) {
  Violations violations;
  google::protobuf::RepeatedPtrField<v1::Parameter> joined;
  // In the order of template.yaml, then of the module.
  for (int i = 0; i < spec.version.parameters_size(); ++i) {
    const v1::Parameter& refinement = spec.version.parameters(i);
    const auto found =
        std::find_if(variables.begin(), variables.end(),
                     [&](const v1::Parameter& v) { return v.name() == refinement.name(); });
    if (found == variables.end()) {
      violations.Add(absl::StrCat(kFile, ":", spec.parameter_lines[i]),
                     absl::StrCat("the module has no variable `", refinement.name(), "`"));
      continue;
    }
    v1::Parameter& parameter = *joined.Add();
    parameter = *found;
    // What template.yaml adds wins over the module's words.
    parameter.MergeFrom(refinement);
  }
  for (const v1::Parameter& variable : variables) {
    const bool there = std::any_of(joined.begin(), joined.end(), [&](const v1::Parameter& p) {
      return p.name() == variable.name();
    });
    if (!there) *joined.Add() = variable;
  }
  for (const v1::OutputFile& file : spec.version.files()) {
    if (std::none_of(outputs.begin(), outputs.end(),
                     [&](const v1::OutputSpec& o) { return o.name() == file.output(); })) {
      violations.Add(kFile, absl::StrCat("files: the module has no output `", file.output(), "`"));
    }
  }
  CheckSchema(absl::StrCat(kFile, " parameters"), joined, violations);
  if (!violations.empty()) return violations.ToStatus();
  *version.mutable_parameters() = std::move(joined);
  *version.mutable_outputs() = outputs;
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
