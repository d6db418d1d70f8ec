#include "services/stacks/stack_statements.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace stackyard::stacks {
namespace {

void AddTerms(SqlQuery& sql, const std::vector<TermRange>& terms) {
  for (size_t i = 0; i < terms.size(); ++i) {
    sql << (i == 0 ? "(" : " OR ");
    if (terms[i].single()) {
      sql << "t.term = " << Bind(terms[i].first);
    } else {
      sql << "(t.term >= " << Bind(terms[i].first) << " AND t.term <= " << Bind(terms[i].last)
          << ")";
    }
  }
  sql << ")";
}

void AddBounds(SqlQuery& sql, std::string_view row, const StackCondition& condition) {
  sql << "(" << row << "." << condition.column << " >= " << Bind(condition.first) << " AND " << row
      << "." << condition.column << " <= " << Bind(condition.last) << ")";
}

void AddProjects(SqlQuery& sql, std::string_view row, const StackQuery& query) {
  if (!query.FewProjects()) return;
  sql << " AND " << row << ".project IN (";
  for (size_t i = 0; i < query.projects.size(); ++i) {
    sql << (i == 0 ? "" : ", ") << Bind(query.projects[i]);
  }
  sql << ")";
}

}  // namespace

std::vector<int> Lives(const StackQuery& query) {
  return query.show_deleted ? std::vector<int>{1, 0} : std::vector<int>{1};
}

void AddCondition(SqlQuery& sql, const StackCondition& condition, bool of_terms) {
  if (condition.is_terms()) {
    sql << "EXISTS (SELECT 1 FROM stack_terms t WHERE t.uid = i.uid AND ";
    AddTerms(sql, condition.terms);
    sql << ")";
  } else if (of_terms && condition.column != "id") {
    sql << "EXISTS (SELECT 1 FROM stack_index x WHERE x.uid = i.uid AND ";
    AddBounds(sql, "x", condition);
    sql << ")";
  } else {
    AddBounds(sql, "i", condition);
  }
}

void AddAfter(SqlQuery& sql, const StackQuery& query, bool in_project, const Place& after) {
  const char* sign = query.descending ? " < (" : " > (";
  if (!query.by_name()) {
    sql << " AND (i." << query.order << ", i.uid)" << sign << Bind(after.micros) << ", "
        << Bind(after.uid) << ")";
  } else if (in_project) {
    sql << " AND (i.id, i.uid)" << sign << Bind(after.id) << ", " << Bind(after.uid) << ")";
  } else {
    sql << " AND (i.project, i.id, i.uid)" << sign << Bind(after.project) << ", " << Bind(after.id)
        << ", " << Bind(after.uid) << ")";
  }
}

void AddOrder(SqlQuery& sql, const StackQuery& query, bool in_project, int limit) {
  std::vector<std::string> columns;
  if (!query.by_name()) {
    columns = {query.order, "uid"};
  } else if (in_project) {
    columns = {"id", "uid"};
  } else {
    columns = {"project", "id", "uid"};
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    sql << (i == 0 ? " ORDER BY i." : ", i.") << columns[i] << (query.descending ? " DESC" : "");
  }
  sql << " LIMIT " << Bind(int64_t{limit});
}

void AddColumns(SqlQuery& sql, const StackQuery& query) {
  sql << "i.project, i.id, i.uid, " << (query.by_name() ? "0" : absl::StrCat("i.", query.order))
      << " AS micros, ";
}

std::vector<Candidate> Run(soci::session& sql, const SqlQuery& statement, int limit) {
  std::vector<std::string> projects, ids, uids;
  std::vector<long long> micros;
  std::vector<int> hits;
  statement.Run(sql, limit, projects, ids, uids, micros, hits);
  std::vector<Candidate> found(uids.size());
  for (size_t i = 0; i < found.size(); ++i) {
    found[i] = {{micros[i], projects[i], ids[i], uids[i]}, hits[i] != 0};
  }
  return found;
}

std::vector<SqlQuery> Matching(const StackQuery& query, const StackCondition& condition) {
  std::vector<SqlQuery> parts;
  for (const int live : Lives(query)) {
    if (condition.is_terms()) {
      for (const TermRange& range : condition.terms) {
        SqlQuery& part = parts.emplace_back();
        part << "SELECT t.uid FROM stack_terms t WHERE t.live = " << absl::StrCat(live) << " AND ";
        AddTerms(part, {range});
        AddProjects(part, "t", query);
      }
    } else {
      SqlQuery& part = parts.emplace_back();
      part << "SELECT x.uid FROM stack_index x WHERE x.live = " << absl::StrCat(live) << " AND ";
      AddBounds(part, "x", condition);
      AddProjects(part, "x", query);
    }
  }
  return parts;
}

int Count(soci::session& sql, const StackQuery& query, const StackCondition& condition, int most) {
  int64_t count = 0;
  for (const SqlQuery& part : Matching(query, condition)) {
    SqlQuery counted;
    counted << "SELECT COUNT(*) FROM (" << part << " LIMIT " << Bind(int64_t{most}) << ") AS found";
    std::vector<long long> counts;
    counted.Run(sql, 1, counts);
    if (!counts.empty()) count += counts[0];
    if (count >= most) return most;
  }
  return static_cast<int>(count);
}

}  // namespace stackyard::stacks
