// What a listing of stacks asks for, as far as the index of stacks can tell. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/filter.h"
#include "common/principal.h"
#include "services/stacks/sql_query.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Terms from the first to the last, by bytes; most often one.
struct TermRange {
  std::string first;
  std::string last;

  bool single() const { return first == last; }
};

// Something that every stack of the answer holds: one of the terms, or a value of a column of
// `stack_index` that is within bounds.
struct StackCondition {
  std::vector<TermRange> terms;
  std::string column;
  SqlValue first;
  SqlValue last;

  bool is_terms() const { return column.empty(); }
};

struct StackQuery {
  // Column of `stack_index` that the answer is ordered by, or `id`: by project, id and uid.
  std::string order = "id";
  bool descending = false;
  bool show_deleted = false;
  // Projects that are looked through, sorted.
  bool all_projects = false;
  std::vector<std::string> projects;
  // All of them hold; what they leave is matched against the filter.
  std::vector<StackCondition> conditions;

  bool by_name() const { return order == "id"; }
  // The projects, where they are few enough to be looked through one by one.
  bool FewProjects() const { return !all_projects && projects.size() <= 50; }
};

// `project` is empty for `projects/-`: then those that the caller may see are looked through.
// INVALID_FIELD on `order_by` for what stacks are not ordered by.
absl::StatusOr<StackQuery> MakeStackQuery(const Principal& caller, const std::string& project,
                                          const v1::ListStacksRequest& request,
                                          const Filter& filter);

}  // namespace stackyard::stacks
