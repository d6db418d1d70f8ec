#include "services/gateway/replay.h"

#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

constexpr size_t kMaxRequestId = 64;
constexpr absl::Duration kRemembered = absl::Hours(24);

}  // namespace

absl::Status OncePerRequestId(soci::session& sql, const ReplayKey& key,
                              const google::protobuf::MessageLite& request, absl::Time now,
                              google::protobuf::MessageLite& answer,
                              const std::function<absl::Status()>& body) {
  if (key.request_id.empty()) return body();
  if (key.request_id.size() > kMaxRequestId) {
    return InvalidField("request_id", "must be at most 64 characters");
  }
  const std::string fingerprint = Sha256Hex(request.SerializeAsString());
  const long long oldest = ToMicros(now - kRemembered);
  std::string old_fingerprint, old_answer;
  sql << "SELECT fingerprint, answer FROM replays WHERE caller = :caller AND method = :method "
         "AND request_id = :request_id AND create_time > :oldest",
      soci::use(key.caller), soci::use(key.method), soci::use(key.request_id), soci::use(oldest),
      soci::into(old_fingerprint), soci::into(old_answer);
  if (sql.got_data()) {
    if (old_fingerprint == fingerprint) return Unpack(old_answer, answer);
    return Error(v1::REQUEST_ID_REUSED, "the request_id was used before with another request",
                 {{"request_id", key.request_id}});
  }
  RETURN_IF_ERROR(body());
  const std::string text = Pack(answer);
  const long long create_time = ToMicros(now);
  sql << "INSERT INTO replays (caller, method, request_id, fingerprint, answer, create_time) "
         "VALUES (:caller, :method, :request_id, :fingerprint, :answer, :time) "
         "ON CONFLICT (caller, method, request_id) DO UPDATE SET fingerprint = "
         "excluded.fingerprint, answer = excluded.answer, create_time = excluded.create_time",
      soci::use(key.caller), soci::use(key.method), soci::use(key.request_id),
      soci::use(fingerprint), soci::use(text), soci::use(create_time);
  return absl::OkStatus();
}

void ForgetReplays(soci::session& sql, absl::Time now) {
  const long long oldest = ToMicros(now - kRemembered);
  sql << "DELETE FROM replays WHERE create_time <= :oldest", soci::use(oldest);
}

}  // namespace stackyard::gateway
