#include "cli/reconnect.h"

#include <algorithm>

#include "cli/errors.h"

namespace stackyard::cli {
namespace {

// How long a service that is being restarted may take before its first answer, and later.
constexpr absl::Duration kFirstAnswer = absl::Seconds(5);
constexpr absl::Duration kAnswer = absl::Minutes(5);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

bool IsPassing(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kCancelled;
}

}  // namespace

absl::Status FollowStream(Context& context, const std::string& method,
                          google::protobuf::Message& request, google::protobuf::Message* message,
                          const std::function<bool()>& on_message,
                          const std::function<void()>& on_tick) {
  const Environment& environment = context.environment();
  bool heard = false;
  bool told = false;
  absl::Time last = absl::Now();
  absl::Duration pause = absl::Milliseconds(500);
  while (true) {
    const absl::Status status = context.client().Stream(
        method, request, message,
        [&] {
          heard = true;
          told = false;
          last = absl::Now();
          pause = absl::Milliseconds(500);
          return on_message();
        },
        [&] {
          on_tick();
          return true;
        },
        absl::InfiniteFuture());
    if (!IsPassing(status) || IsInterrupted(status)) return status;
    if (absl::Now() - last > (heard ? kAnswer : kFirstAnswer)) return status;
    if (!told) context.Note("no connection; trying again");
    told = true;
    environment.pause(pause);
    if (environment.interrupted()) return Interrupted("Interrupted.");
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace stackyard::cli
