// A query that is put together from parts.
#pragma once

#include <soci/soci.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"

namespace stackyard::stacks {

using SqlValue = std::variant<int64_t, std::string>;

// A value in a query.
struct Bind {
  explicit Bind(SqlValue value) : value(std::move(value)) {}
  SqlValue value;
};

// Text is written by the program; values, whoever they are from, are bound.
class SqlQuery {
 public:
  SqlQuery& operator<<(std::string_view text) {
    text_ += text;
    return *this;
  }
  SqlQuery& operator<<(Bind bound) {
    absl::StrAppend(&text_, ":v", values_.size());
    values_.push_back(std::move(bound.value));
    return *this;
  }
  // A query within this one.
  SqlQuery& operator<<(const SqlQuery& part);
  const std::string& text() const { return text_; }

  // Reads the rows, which are at most `most`, a vector for each column. Throws as SOCI does.
  template <typename... Columns>
  void Run(soci::session& sql, int most, std::vector<Columns>&... columns) const {
    // SOCI takes a vector of one for a single value, and SQLite's part of it then answers nothing.
    (columns.resize(std::max(most, 2)), ...);
    soci::statement statement(sql);
    for (const SqlValue& value : values_) {
      std::visit([&](const auto& known) { statement.exchange(soci::use(known)); }, value);
    }
    (statement.exchange(soci::into(columns)), ...);
    statement.alloc();
    statement.prepare(text_);
    statement.define_and_bind();
    if (!statement.execute(true)) (columns.clear(), ...);
  }

 private:
  std::string text_;
  std::vector<SqlValue> values_;
};

inline SqlQuery& SqlQuery::operator<<(const SqlQuery& part) {
  // Placeholders have numbers, in the order in which they are written.
  std::string_view rest = part.text_;
  for (size_t i = 0; i < part.values_.size(); ++i) {
    const std::string mark = absl::StrCat(":v", i);
    const size_t at = rest.find(mark);
    *this << rest.substr(0, at) << Bind(part.values_[i]);
    rest.remove_prefix(at + mark.size());
  }
  return *this << rest;
}

}  // namespace stackyard::stacks
