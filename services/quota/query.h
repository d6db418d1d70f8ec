// A SQL statement whose parameters are put together at run time.
#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "common/proto_time.h"

namespace stackyard::quota {

// Throws soci::soci_error, so use it inside Database::Read and Write alone.
class Query {
 public:
  Query(soci::session& sql, std::string text) : statement_(sql), text_(std::move(text)) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Binds `:name`. The value is kept.
  Query& Use(std::string_view name, std::string value) {
    return Bind(name, strings_.emplace_back(std::move(value)));
  }
  Query& Use(std::string_view name, int64_t value) {
    return Bind(name, numbers_.emplace_back(value));
  }
  Query& Use(std::string_view name, int value) { return Use(name, int64_t{value}); }
  Query& Use(std::string_view name, bool value) { return Use(name, int64_t{value}); }
  Query& Use(std::string_view name, absl::Time value) { return Use(name, ToMicros(value)); }

  // Binds the next placeholder, whatever its name. The value is kept. A query is bound either by
  // names or in order.
  template <typename T>
  Query& UseNext(T value) {
    if constexpr (std::is_convertible_v<T, std::string>) {
      statement_.exchange(soci::use(strings_.emplace_back(std::move(value))));
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      statement_.exchange(soci::use(numbers_.emplace_back(ToMicros(value))));
    } else {
      statement_.exchange(soci::use(numbers_.emplace_back(static_cast<int64_t>(value))));
    }
    return *this;
  }

  // Where the next column of each row goes.
  template <typename T>
  Query& Into(T& target) {
    statement_.exchange(soci::into(target));
    return *this;
  }

  // Runs the statement on the first call; fetches the next row, false behind the last one.
  bool Next() {
    if (!running_) Start(false);
    return statement_.fetch();
  }
  // Fetches all rows, the last of which stays; false when there is none.
  bool Any() {
    bool any = false;
    while (Next()) any = true;
    return any;
  }
  // Runs a statement that answers no rows; tells how many it touched.
  int64_t Run() {
    Start(true);
    return statement_.get_affected_rows();
  }

 private:
  template <typename T>
  Query& Bind(std::string_view name, T& value) {
    statement_.exchange(soci::use(value, std::string(name)));
    return *this;
  }
  void Start(bool exchange) {
    running_ = true;
    statement_.alloc();
    // Used once: preparing it on the server would take two more round trips to PostgreSQL.
    statement_.prepare(text_, soci::details::st_one_time_query);
    statement_.define_and_bind();
    statement_.execute(exchange);
  }

  soci::statement statement_;
  const std::string text_;
  // A deque never moves what it holds.
  std::deque<std::string> strings_;
  std::deque<int64_t> numbers_;
  bool running_ = false;
};

}  // namespace stackyard::quota
