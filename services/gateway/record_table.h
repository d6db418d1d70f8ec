// Tables of messages by id: users and roles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/sql.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::gateway {

// The part of a listing that comes next.
struct Range {
  // Key of the last row before it; empty: from the start.
  std::string after;
  bool descending = false;
  int limit = 50;
};

// A table with the columns `id` and `data`, named as the collection in resource names.
class RecordTable {
 public:
  explicit RecordTable(std::string collection) : collection_(std::move(collection)) {}

  bool Has(soci::session& sql, const std::string& id) const;
  // RESOURCE_NOT_FOUND.
  absl::Status Read(soci::session& sql, const std::string& id,
                    google::protobuf::MessageLite& message) const;
  // Adds or replaces.
  void Save(soci::session& sql, const std::string& id,
            const google::protobuf::MessageLite& message) const;
  void Delete(soci::session& sql, const std::string& id) const;

  template <typename T>
  absl::StatusOr<std::vector<T>> List(soci::session& sql, const Range& range) const {
    std::vector<T> result;
    for (const std::string& text : ListData(sql, range)) {
      RETURN_IF_ERROR(Unpack(text, result.emplace_back()));
    }
    return result;
  }

 private:
  std::vector<std::string> ListData(soci::session& sql, const Range& range) const;

  const std::string collection_;
};

// ` AND id > :after ORDER BY id LIMIT n` in the range's direction; the statement must use
// `range.after` last.
std::string RangeClause(const Range& range);

inline const RecordTable kUsers("users");
inline const RecordTable kRoles("roles");

}  // namespace stackyard::gateway
