// The event log: append-only, hash-chained per project, written in the transaction of the change.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/stacks/change.h"
#include "services/stacks/rows.h"
#include "stackyard/v1/events.pb.h"

namespace stackyard::stacks {

// Project that events of the catalogue are kept under; no project can have this id.
inline constexpr char kCatalogue[] = "-";

// Appends an event: type, resource, message, states and details are the caller's; name, sequence,
// time, actor, request_id and hash are set here.
absl::Status AppendEvent(Change& change, const std::string& project, v1::Event event);

absl::StatusOr<v1::Event> FindEvent(soci::session& sql, const std::string& project,
                                    int64_t sequence);

// Events of a project, newest first, or oldest first from `page.after` on.
absl::StatusOr<Rows<v1::Event>> ListEvents(soci::session& sql, const std::string& project,
                                           const Page& page, bool oldest_first,
                                           const std::function<bool(const v1::Event&)>& accept);

// Sequence of the last event; 0: none.
int64_t LastSequence(soci::session& sql, const std::string& project);

// Checks the whole chain.
absl::StatusOr<v1::VerifyEventsResponse> VerifyEvents(soci::session& sql,
                                                      const std::string& project);

}  // namespace stackyard::stacks
