#include "services/quota/rows.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace stackyard::quota {

std::string Placeholders(const Database& database, const Columns& columns, size_t rows) {
  std::string text;
  for (size_t row = 0; row < rows; ++row) {
    absl::StrAppend(&text, row == 0 ? "(" : ", (");
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text.append(", ");
      if (database.is_sqlite()) {
        text.push_back('?');
      } else {
        absl::StrAppend(&text, ":", columns[i], row);
      }
    }
    text.push_back(')');
  }
  return text;
}

std::string WithAsked(const Database& database, const Columns& columns, size_t rows) {
  return absl::StrCat("WITH asked (", absl::StrJoin(columns, ", "), ") AS (VALUES ",
                      Placeholders(database, columns, rows), ") ");
}

}  // namespace stackyard::quota
