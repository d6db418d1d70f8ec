// Statements over many rows at a time.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/sql.h"
#include "services/quota/query.h"

namespace stackyard::quota {

// Most rows of one statement. A statement is a round trip to PostgreSQL, so the more the better;
// SQLite parses it anew each time.
inline size_t RowsAtOnce(const Database& database) { return database.is_sqlite() ? 64 : 256; }

using Columns = std::vector<std::string>;

// `(:a0, :b0), (:a1, :b1)` for the columns `{"a", "b"}` and two rows; `(?, ?), (?, ?)` on SQLite,
// which would compare each name with all others. To be bound in this order, and no names with them.
std::string Placeholders(const Database& database, const Columns& columns, size_t rows);

// `WITH asked (a, b) AS (VALUES ...) `, to be joined with `asked CROSS JOIN t WHERE t.a = asked.a`:
// SQLite would scan a table for `(a, b) IN (VALUES ...)`, and keeps the order of a cross join.
std::string WithAsked(const Database& database, const Columns& columns, size_t rows);

// Binds the columns of one row after the other.
class RowBinder {
 public:
  explicit RowBinder(Query& query) : query_(query) {}

  template <typename T>
  RowBinder& Use(T value) {
    query_.UseNext(std::move(value));
    return *this;
  }

 private:
  Query& query_;
};

// Calls `work` with the beginning, the end and the size of every part of `rows`, of `most` or
// fewer.
template <typename Rows, typename Work>
void InParts(const Rows& rows, size_t most, const Work& work) {
  for (auto begin = rows.begin(); begin != rows.end();) {
    auto end = begin;
    size_t size = 0;
    for (; end != rows.end() && size < most; ++size) ++end;
    work(begin, end, size);
    begin = end;
  }
}

}  // namespace stackyard::quota
