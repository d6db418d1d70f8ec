#include "services/stacks/stack_query.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/order_by.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/stack_index.h"

namespace stackyard::stacks {
namespace {

// Alternatives of one condition; each is a look at the index.
constexpr size_t kMostTerms = 16;

// Behind every text that begins alike: labels have at most 63 bytes, and the rest is ASCII.
std::string LastWith(std::string prefix) {
  for (int i = 0; i < 16; ++i) prefix += "\xF4\x8F\xBF\xBF";
  return prefix;
}

const std::map<std::string, std::string>& TimeColumns() {
  static const auto* columns =
      new std::map<std::string, std::string>{{"create_time", "create_micros"},
                                             {"update_time", "update_micros"},
                                             {"lease.end_time", "end_micros"}};
  return *columns;
}

using Kind = FilterHint::Kind;

std::string TextOf(const FilterHint& hint) {
  const auto* text = std::get_if<std::string>(&hint.value);
  return text == nullptr ? "" : *text;
}

// The text of a term that was made with an empty value and is followed by this one.
TermRange RangeOf(const std::string& term, Kind kind) {
  return {term, kind == Kind::kPrefix ? LastWith(term) : term};
}

// `templates/{template}/` and `templates/{template}/versions/` stand for all versions of it.
std::optional<TermRange> VersionsOf(const FilterHint& hint) {
  const std::string text = TextOf(hint);
  if (hint.kind == Kind::kEqual) return RangeOf(VersionTerm(text), hint.kind);
  if (hint.kind != Kind::kPrefix) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  const bool whole = parts.size() == 3
                         ? parts[2].empty()
                         : parts.size() == 4 && parts[2] == "versions" && parts[3].empty();
  if (whole && parts[0] == "templates") return RangeOf(TemplateTerm(parts[1]), Kind::kEqual);
  return RangeOf(VersionTerm(text), hint.kind);
}

// The terms that a hint stands for; null when the index has none for it.
std::optional<TermRange> TermsOf(const FilterHint& hint) {
  const bool text = hint.kind == Kind::kEqual || hint.kind == Kind::kPrefix;
  if (hint.path == "state" && std::holds_alternative<int>(hint.value)) {
    return RangeOf(StateTerm(std::get<int>(hint.value)), Kind::kEqual);
  }
  if (hint.path == "creator" && text) return RangeOf(CreatorTerm(TextOf(hint)), hint.kind);
  if (hint.path == "template_version") return VersionsOf(hint);
  if (hint.path == "labels" && hint.in_map) {
    if (hint.kind == Kind::kPresent) return RangeOf(LabelKeyTerm(hint.key), Kind::kEqual);
    if (text) return RangeOf(LabelTerm(hint.key, TextOf(hint)), hint.kind);
  }
  return std::nullopt;
}

// Bounds of a time column.
std::optional<StackCondition> TimesOf(const FilterHint& hint) {
  const auto column = TimeColumns().find(hint.path);
  const auto* time = std::get_if<absl::Time>(&hint.value);
  if (column == TimeColumns().end() || time == nullptr) return std::nullopt;
  StackCondition condition;
  condition.column = column->second;
  // Columns are rounded down, as this is.
  const int64_t micros = ToMicros(*time);
  condition.first = hint.kind == Kind::kAtLeast ? micros : INT64_MIN;
  condition.last = hint.kind == Kind::kAtMost ? micros : INT64_MAX;
  return condition;
}

void Restrict(StackQuery& query, const std::string& project) {
  const bool seen = query.all_projects || std::find(query.projects.begin(), query.projects.end(),
                                                    project) != query.projects.end();
  query.all_projects = false;
  query.projects.clear();
  if (seen) query.projects.push_back(project);
}

// `name = "projects/web/stacks/shop-*"` says which project, and which ids.
void AddNames(const FilterHint& hint, StackQuery& query) {
  const std::vector<std::string> parts = absl::StrSplit(TextOf(hint), '/');
  if (parts.size() != 4 || parts[0] != "projects" || parts[2] != "stacks") return;
  if (hint.kind != Kind::kEqual && hint.kind != Kind::kPrefix) return;
  Restrict(query, parts[1]);
  StackCondition ids;
  ids.column = "id";
  ids.first = parts[3];
  ids.last = hint.kind == Kind::kPrefix ? LastWith(parts[3]) : parts[3];
  query.conditions.push_back(std::move(ids));
}

void AddGroup(const std::vector<FilterHint>& group, StackQuery& query) {
  if (group.size() == 1 && group[0].path == "name") return AddNames(group[0], query);
  if (group.size() == 1) {
    if (auto times = TimesOf(group[0])) return query.conditions.push_back(*std::move(times));
  }
  StackCondition condition;
  for (const FilterHint& hint : group) {
    auto terms = TermsOf(hint);
    if (!terms) return;
    condition.terms.push_back(*std::move(terms));
  }
  if (condition.terms.size() <= kMostTerms) query.conditions.push_back(std::move(condition));
}

absl::Status ReadOrder(const std::string& text, StackQuery& query) {
  ASSIGN_OR_RETURN(const OrderBy order, OrderBy::Parse(text, v1::Stack::descriptor()));
  const auto fields = order.fields();
  if (fields.empty()) return absl::OkStatus();
  const auto& [field, descending] = fields[0];
  query.descending = descending;
  const auto column = TimeColumns().find(field);
  if (column != TimeColumns().end()) query.order = column->second;
  if (fields.size() > 1 || (field != "name" && column == TimeColumns().end())) {
    return InvalidField("order_by",
                        "stacks are ordered by one of name, create_time, update_time and "
                        "lease.end_time, each with or without desc");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StackQuery> MakeStackQuery(const Principal& caller, const std::string& project,
                                          const v1::ListStacksRequest& request,
                                          const Filter& filter) {
  StackQuery query;
  query.show_deleted = request.show_deleted();
  RETURN_IF_ERROR(ReadOrder(request.order_by(), query));
  query.all_projects = caller.everywhere();
  if (!caller.everywhere()) {
    query.projects.assign(caller.projects().begin(), caller.projects().end());
    std::sort(query.projects.begin(), query.projects.end());
    query.projects.erase(std::unique(query.projects.begin(), query.projects.end()),
                         query.projects.end());
  }
  if (!project.empty()) Restrict(query, project);
  for (const auto& group : filter.Hints()) AddGroup(group, query);
  return query;
}

}  // namespace stackyard::stacks
