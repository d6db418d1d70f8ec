#include "cli/plan_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/output.h"
#include "cli/text.h"

namespace stackyard::cli {
namespace {

using Change = v1::ResourceChange;

// Longer values would hide the rest of the plan; -o json has them whole.
constexpr size_t kValueWidth = 120;

struct Sign {
  const char* text;
  Color color;
};

Sign SignOf(Change::Action action) {
  switch (action) {
    case Change::CREATE:
      return {"+", Color::kGreen};
    case Change::UPDATE:
      return {"~", Color::kYellow};
    case Change::REPLACE:
      return {"-/+", Color::kYellow};
    case Change::DELETE:
      return {"-", Color::kRed};
    case Change::FORGET:
      return {"forget", Color::kYellow};
    default:
      return {"", Color::kNone};
  }
}

std::string Before(const v1::AttributeChange& attribute) {
  if (attribute.sensitive()) return "(sensitive)";
  return attribute.before_json().empty() ? "(none)" : Cut(attribute.before_json(), kValueWidth);
}

std::string After(const v1::AttributeChange& attribute) {
  if (attribute.sensitive()) return "(sensitive)";
  if (attribute.unknown()) return "(known after apply)";
  return attribute.after_json().empty() ? "(none)" : Cut(attribute.after_json(), kValueWidth);
}

std::string AttributeText(const v1::AttributeChange& attribute, Change::Action action) {
  std::string text;
  switch (action) {
    case Change::CREATE:
      text = After(attribute);
      break;
    case Change::DELETE:
    case Change::FORGET:
      text = Before(attribute);
      break;
    default:
      text = attribute.sensitive() ? "(sensitive)"
                                   : absl::StrCat(Before(attribute), " -> ", After(attribute));
  }
  if (attribute.forces_replacement()) text += "  # forces replacement";
  return text;
}

}  // namespace

std::string ChangesText(const google::protobuf::RepeatedPtrField<Change>& changes, bool color) {
  std::string text;
  for (const Change& change : changes) {
    const Sign sign = SignOf(change.action());
    if (*sign.text == '\0') continue;
    absl::StrAppend(&text,
                    Paint(absl::StrCat(sign.text, " ", change.address()), sign.color, color));
    if (!change.reason().empty()) {
      absl::StrAppend(&text, "  (", absl::StrReplaceAll(change.reason(), {{"_", " "}}), ")");
    }
    text += "\n";
    size_t width = 0;
    for (const auto& attribute : change.attributes())
      width = std::max(width, Width(attribute.path()));
    for (const auto& attribute : change.attributes()) {
      absl::StrAppend(&text, "    ", attribute.path(),
                      std::string(width - Width(attribute.path()), ' '), " = ",
                      AttributeText(attribute, change.action()), "\n");
    }
  }
  return text;
}

std::string PolicyText(const google::protobuf::RepeatedPtrField<v1::Diagnostic>& messages,
                       bool color) {
  std::string text;
  for (const v1::Diagnostic& message : messages) {
    const bool denies = message.severity() == v1::Diagnostic::ERROR;
    absl::StrAppend(
        &text,
        Paint(denies ? "Policy denies: " : "Policy warns: ", denies ? Color::kRed : Color::kYellow,
              color),
        message.summary(),
        message.address().empty() ? "" : absl::StrCat(" (", message.address(), ")"), "\n");
  }
  return text;
}

std::string PlanText(const v1::Plan& plan, bool color) {
  std::string text = ChangesText(plan.changes(), color);
  if (text.empty()) text = "No resource changes.\n";
  absl::StrAppend(&text, "\n", Paint("Plan:", Color::kBold, color), " ", plan.to_create(),
                  " to create, ", plan.to_update(), " to update, ", plan.to_replace(),
                  " to replace, ", plan.to_destroy(), " to destroy\n");
  absl::StrAppend(&text, Paint("Quota:", Color::kBold, color), " ", AmountsText(plan.amounts()),
                  "\n");
  const std::string cost =
      EstimateText(plan.estimated_micros_per_hour(), plan.currency(), plan.price_date());
  if (!cost.empty()) absl::StrAppend(&text, Paint("Cost:", Color::kBold, color), " ", cost, "\n");
  for (const v1::Diagnostic& diagnostic : plan.diagnostics()) {
    const bool error = diagnostic.severity() == v1::Diagnostic::ERROR;
    absl::StrAppend(
        &text, Paint(error ? "Error: " : "Warning: ", error ? Color::kRed : Color::kYellow, color),
        diagnostic.summary(),
        diagnostic.address().empty() ? "" : absl::StrCat(" (", diagnostic.address(), ")"), "\n");
  }
  text += PolicyText(plan.policy_messages(), color);
  if (plan.stale()) text += "The plan is stale: the state changed since it was made.\n";
  return text;
}

std::string ShortfallsText(const google::protobuf::RepeatedPtrField<v1::Shortfall>& shortfalls) {
  std::string text;
  for (const v1::Shortfall& shortfall : shortfalls) {
    absl::StrAppend(&text, "  ", shortfall.metric(), ": ", shortfall.requested(), " asked for, ",
                    shortfall.used(), " of ", shortfall.limit(), " used (", shortfall.level(),
                    " limit)");
    absl::StrAppend(&text,
                    shortfall.has_fits_from()
                        ? absl::StrCat("; would fit from ", TimeText(shortfall.fits_from()))
                        : std::string("; would never fit as things stand"),
                    "\n");
  }
  return text;
}

}  // namespace stackyard::cli
