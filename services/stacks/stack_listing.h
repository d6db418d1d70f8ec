// Pages of stacks, found by the index of stacks.
//
// Where one condition of a query leaves few stacks they are all gathered and sorted. Else a page is
// walked through in its order, along an index, and the rest of the query is asked of each row. A
// walk looks at a bounded number of rows: then the page is short, and its token goes on from there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/stacks/rows.h"
#include "services/stacks/stack_query.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {

struct ListingLimits {
  // A condition that holds for this many stacks or fewer has all of them gathered.
  int few = 1000;
  // Conditions are told apart by how many stacks they leave, up to here.
  int counted = 5000;
  // Rows of an index that one statement reads.
  int rows = 2000;
  // What a page may cost, where looking at one row of an index is 1: some tens of milliseconds.
  // Long pages may cost more.
  int budget = 10000;
};

// Stacks of a query, in its order, that `accept` takes: it must ask all that the query cannot. The
// index must be whole, see IsIndexed. INVALID_FIELD on `page_token`.
absl::StatusOr<Rows<StackRecord>> FindStacks(soci::session& sql, const StackQuery& query,
                                             const Page& page,
                                             const std::function<bool(const StackRecord&)>& accept,
                                             const ListingLimits& limits = {});

// The statements that FindStacks would begin with, for tests of how they are run.
std::vector<SqlQuery> StatementsOf(soci::session& sql, const StackQuery& query, const Page& page,
                                   const ListingLimits& limits = {});

}  // namespace stackyard::stacks
