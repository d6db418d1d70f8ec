#include "services/stacks/rows.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

// The same bytes for the same message: maps, like a stack's parameters, come in any order else.
std::string Canonical(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace

int64_t IntAt(const soci::row& row, size_t column) {
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_integer:
      return row.get<int>(column);
    case soci::dt_long_long:
      return row.get<long long>(column);
    case soci::dt_unsigned_long_long:
      return static_cast<int64_t>(row.get<unsigned long long>(column));
    default:
      return static_cast<int64_t>(row.get<double>(column));
  }
}

int64_t NextNumber(Change& change, const std::string& scope) {
  int64_t value = 0;
  soci::statement statement =
      (change.sql.prepare << "INSERT INTO counters (scope, value) VALUES (:scope, 1) "
                             "ON CONFLICT (scope) DO UPDATE SET value = counters.value + 1 "
                             "RETURNING value",
       soci::use(scope), soci::into(value));
  statement.execute(true);
  // SQLite wants a RETURNING statement read to its end.
  while (statement.fetch()) {
  }
  return value;
}

absl::Status Once(Change& change, const std::string& request_id, const std::string& method,
                  const google::protobuf::Message& request, google::protobuf::Message& response,
                  const std::function<absl::Status()>& body) {
  if (request_id.empty()) return body();
  if (request_id.size() > 64) {
    return InvalidField("request_id", "must have at most 64 characters");
  }
  const std::string digest = Sha256Hex(absl::StrCat(method, "\n", Canonical(request)));
  const int64_t oldest = ToMicros(change.now - absl::Hours(24));
  const int64_t now = ToMicros(change.now);
  // Made first, so that the same request sent twice at once waits here for its first answer.
  soci::statement claim =
      (change.sql.prepare << "INSERT INTO requests (caller, request_id, digest, create_micros, "
                             "body) VALUES (:caller, :id, :digest, :now, '') "
                             "ON CONFLICT (caller, request_id) DO UPDATE SET "
                             "digest = excluded.digest, create_micros = excluded.create_micros "
                             "WHERE requests.create_micros <= :oldest",
       soci::use(change.actor.name), soci::use(request_id), soci::use(digest), soci::use(now),
       soci::use(oldest));
  claim.execute(true);
  if (claim.get_affected_rows() == 0) {
    std::string seen_digest, seen_body;
    change.sql << "SELECT digest, body FROM requests WHERE caller = :caller AND request_id = :id",
        soci::use(change.actor.name), soci::use(request_id), soci::into(seen_digest),
        soci::into(seen_body);
    if (seen_digest != digest) {
      return Error(v1::REQUEST_ID_REUSED,
                   absl::StrCat("request_id ", request_id, " was used for another request"));
    }
    return Unpack(seen_body, response);
  }
  RETURN_IF_ERROR(body());
  const std::string packed = Pack(response);
  change.sql << "UPDATE requests SET body = :body WHERE caller = :caller AND request_id = :id",
      soci::use(packed), soci::use(change.actor.name), soci::use(request_id);
  return absl::OkStatus();
}

absl::StatusOr<bool> IsReplay(Store& store, const Actor& actor, const std::string& request_id,
                              const std::string& method, const google::protobuf::Message& request,
                              google::protobuf::Message& response) {
  // Undone when it is new.
  const absl::Status seen = store.Write(actor, [&](Change& change) {
    return Once(change, request_id, method, request, response,
                [] { return absl::CancelledError("not asked before"); });
  });
  if (absl::IsCancelled(seen)) return false;
  RETURN_IF_ERROR(seen);
  return true;
}

void DropOldRequests(Change& change) {
  const int64_t oldest = ToMicros(change.now - absl::Hours(24));
  change.sql << "DELETE FROM requests WHERE create_micros <= :oldest", soci::use(oldest);
}

std::string EtagOf(const google::protobuf::Message& message) {
  return Sha256Hex(message.SerializeAsString()).substr(0, 16);
}

absl::Status CheckEtag(const std::string& sent, const std::string& current,
                       const std::string& resource) {
  if (sent.empty() || sent == current) return absl::OkStatus();
  return Error(v1::ETAG_MISMATCH,
               absl::StrCat(resource, " was changed meanwhile: read it again and decide anew"),
               {{"resource", resource}, {"etag", current}});
}

}  // namespace stackyard::stacks
