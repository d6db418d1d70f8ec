// Remembers the answers to requests with a request_id, for 24 h.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "common/sql.h"

namespace stackyard::gateway {

// Who asked for what.
struct ReplayKey {
  // `users/{user}`.
  std::string caller;
  // Name of the RPC.
  std::string method;
  // At most 64 characters; empty: nothing is remembered.
  std::string request_id;
};

// Answers what the same request was answered before, or else runs `body`, which fills in `answer`,
// and remembers that. Only success is remembered. INVALID_FIELD for a request_id that is too long;
// REQUEST_ID_REUSED when it came with another request.
absl::Status OncePerRequestId(soci::session& sql, const ReplayKey& key,
                              const google::protobuf::MessageLite& request, absl::Time now,
                              google::protobuf::MessageLite& answer,
                              const std::function<absl::Status()>& body);

// Forgets what is older than 24 h.
void ForgetReplays(soci::session& sql, absl::Time now);

}  // namespace stackyard::gateway
