#include "cli/template_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/proto_time.h"

namespace stackyard::cli {
namespace {

std::string Rules(const v1::Parameter& p) {
  std::vector<std::string> rules;
  if (p.has_minimum()) rules.push_back(absl::StrCat("at least ", p.minimum()));
  if (p.has_maximum()) rules.push_back(absl::StrCat("at most ", p.maximum()));
  if (p.has_min_length()) rules.push_back(absl::StrCat("length from ", p.min_length()));
  if (p.has_max_length()) rules.push_back(absl::StrCat("length to ", p.max_length()));
  if (!p.pattern().empty()) rules.push_back("matches " + p.pattern());
  if (!p.allowed_values().empty()) {
    rules.push_back("one of " + absl::StrJoin(p.allowed_values(), ", ",
                                              [](std::string* out, const auto& value) {
                                                out->append(ValueText(value));
                                              }));
  }
  if (p.sensitive()) rules.push_back("secret");
  return absl::StrJoin(rules, "; ");
}

std::string Approval(const v1::ApprovalPolicy& policy) {
  if (policy.mode() == v1::ApprovalPolicy::AUTO) return "none: applied when quota admits it";
  return absl::StrCat(std::max(policy.required_approvals(), 1), " of role ",
                      policy.reviewer_role());
}

std::string MeterText(const v1::Meter& meter) {
  if (meter.cost()) return "estimated cost per hour, in millionths";
  std::string text =
      absl::StrCat(meter.resource_type(), ": ", std::max<int64_t>(meter.amount(), 1));
  if (!meter.attribute().empty()) absl::StrAppend(&text, " x ", meter.attribute());
  if (meter.has_lookup()) absl::StrAppend(&text, " x table over ", meter.lookup().attribute());
  return text;
}

std::string MeterPrice(const v1::Meter& meter) {
  const std::string price = PriceText(meter.price_micros_per_hour(), meter.currency());
  return price.empty() ? "" : absl::StrCat(price, " (", meter.price_date(), ")");
}

}  // namespace

std::string TemplateVersionText(const v1::TemplateVersion& version, bool color) {
  Fields fields;
  fields.Add("Name", version.name());
  fields.Add("Title", version.title());
  fields.Add("Description", version.description());
  fields.Add("State", v1::TemplateVersion::State_Name(version.state()));
  fields.Add("Detail", version.state_detail().message());
  fields.Add("Review", Approval(version.approval()));
  if (version.has_lease()) {
    fields.Add("Lease", absl::StrCat(ShortDuration(FromProto(version.lease().default_duration())),
                                     ", at most ",
                                     ShortDuration(FromProto(version.lease().max_duration()))));
  }
  fields.Add("Providers", absl::StrJoin(version.providers(), ", "));
  fields.Add("Publisher", LastPart(version.publisher()));
  fields.Add("Published", TimeText(version.create_time()));
  fields.Add("Digest", version.bundle_digest());
  std::string text = fields.Text(color);

  Table parameters({"PARAMETER", "TYPE", "DEFAULT", "RULES", "DESCRIPTION"});
  for (const v1::Parameter& p : version.parameters()) {
    if (p.injected()) continue;
    parameters.Add({p.name(), Cut(p.type(), 40),
                    p.required()            ? "(required)"
                    : p.has_default_value() ? Cut(ValueText(p.default_value()), 30)
                                            : "",
                    Rules(p), Cut(p.description(), 70)});
  }
  if (!parameters.empty()) absl::StrAppend(&text, "\n", parameters.Text(color));

  Table outputs({"OUTPUT", "SECRET", "DESCRIPTION"});
  for (const v1::OutputSpec& output : version.outputs()) {
    outputs.Add({output.name(), output.sensitive() ? "yes" : "", Cut(output.description(), 70)});
  }
  if (!outputs.empty()) absl::StrAppend(&text, "\n", outputs.Text(color));

  Table meters({"METRIC", "COUNTS", "PRICE"});
  for (const v1::Meter& meter : version.meters()) {
    meters.Add({meter.metric().empty() ? "(cost alone)" : meter.metric(), MeterText(meter),
                MeterPrice(meter)});
  }
  if (!meters.empty()) absl::StrAppend(&text, "\n", meters.Text(color));

  for (const v1::Diagnostic& diagnostic : version.diagnostics()) {
    absl::StrAppend(&text, diagnostic.severity() == v1::Diagnostic::ERROR ? "Error: " : "Warning: ",
                    diagnostic.summary(),
                    diagnostic.file().empty()
                        ? std::string()
                        : absl::StrCat(" (", diagnostic.file(), ":", diagnostic.line(), ")"),
                    "\n");
  }
  return text;
}

}  // namespace stackyard::cli
