// Statements over the index of stacks, see stack_index.h. In their parts `i` is the row that is
// looked at.
#pragma once

#include <string_view>
#include <vector>

#include "services/stacks/sql_query.h"
#include "services/stacks/stack_place.h"
#include "services/stacks/stack_query.h"

namespace stackyard::stacks {

// What is looked at: its place, and whether the index says that it is of the answer.
struct Candidate {
  Place place;
  bool hit = false;
};

// The parts of the index that a query asks for.
std::vector<int> Lives(const StackQuery& query);
// Whether a condition holds for `i`, a row of stack_index or, `of_terms`, of stack_terms.
void AddCondition(SqlQuery& sql, const StackCondition& condition, bool of_terms);
// What comes behind a place, given that the project is the stream's.
void AddAfter(SqlQuery& sql, const StackQuery& query, bool in_project, const Place& after);
// The order of a query, and how many rows.
void AddOrder(SqlQuery& sql, const StackQuery& query, bool in_project, int limit);
// What Run reads of the row, but for the hit.
void AddColumns(SqlQuery& sql, const StackQuery& query);
// Runs a statement whose columns are those of AddColumns and whether the row is a hit.
std::vector<Candidate> Run(soci::session& sql, const SqlQuery& statement, int limit);
// The uids that a condition holds for: a statement for each part of an index that they are in.
std::vector<SqlQuery> Matching(const StackQuery& query, const StackCondition& condition);
// How many stacks a condition leaves; counts no further than `most`.
int Count(soci::session& sql, const StackQuery& query, const StackCondition& condition, int most);

}  // namespace stackyard::stacks
