#include "services/gateway/record_table.h"

#include "absl/strings/str_cat.h"

namespace stackyard::gateway {

std::string RangeClause(const Range& range) {
  // An empty `after` is before all ids going up, but must not end a listing going down.
  const char* order = range.descending ? " AND (id < :after OR :after2 = '') ORDER BY id DESC"
                                       : " AND (id > :after OR :after2 = '') ORDER BY id";
  return absl::StrCat(order, " LIMIT ", range.limit);
}

bool RecordTable::Has(soci::session& sql, const std::string& id) const {
  int count = 0;
  sql << "SELECT COUNT(*) FROM " << collection_ << " WHERE id = :id", soci::use(id),
      soci::into(count);
  return count > 0;
}

absl::Status RecordTable::Read(soci::session& sql, const std::string& id,
                               google::protobuf::MessageLite& message) const {
  std::string text;
  sql << "SELECT data FROM " << collection_ << " WHERE id = :id", soci::use(id), soci::into(text);
  if (!sql.got_data()) return NotFound(absl::StrCat(collection_, "/", id));
  return Unpack(text, message);
}

void RecordTable::Save(soci::session& sql, const std::string& id,
                       const google::protobuf::MessageLite& message) const {
  const std::string text = Pack(message);
  sql << "INSERT INTO " << collection_
      << " (id, data) VALUES (:id, :data) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
      soci::use(id), soci::use(text);
}

void RecordTable::Delete(soci::session& sql, const std::string& id) const {
  sql << "DELETE FROM " << collection_ << " WHERE id = :id", soci::use(id);
}

std::vector<std::string> RecordTable::ListData(soci::session& sql, const Range& range) const {
  const soci::rowset<std::string> rows =
      (sql.prepare << "SELECT data FROM " << collection_ << " WHERE 1 = 1" << RangeClause(range),
       soci::use(range.after), soci::use(range.after));
  return {rows.begin(), rows.end()};
}

}  // namespace stackyard::gateway
