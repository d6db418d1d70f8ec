// Server streams that outlive a restart of the service.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "cli/context.h"
#include "google/protobuf/message.h"

namespace stackyard::cli {

// Reads a server stream into `message`, once per call of `on_message`, until it ends or
// `on_message` answers false. When it breaks it is taken up again: `on_message` writes into
// `request` where to go on. Fails when nothing was ever heard within 5 s, or there is no connection
// for 5 minutes; an interrupted error after Ctrl-C. `on_tick` is called about five times a second
// while it lasts.
absl::Status FollowStream(
    Context& context, const std::string& method, google::protobuf::Message& request,
    google::protobuf::Message* message, const std::function<bool()>& on_message,
    const std::function<void()>& on_tick = [] {});

}  // namespace stackyard::cli
