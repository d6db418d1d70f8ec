// Small tools for rows with packed messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/filter.h"
#include "common/paging.h"
#include "common/sql.h"
#include "common/status_macros.h"
#include "services/stacks/change.h"

namespace stackyard::stacks {

template <typename M>
absl::StatusOr<M> Unpacked(const std::string& body) {
  M message;
  RETURN_IF_ERROR(Unpack(body, message));
  return message;
}

// An integer column, whatever width the engine gives it.
int64_t IntAt(const soci::row& row, size_t column);

// Next number of a counter, from 1. Rolled-back numbers are given out again.
int64_t NextNumber(Change& change, const std::string& scope);

// A page of rows, by key.
template <typename M>
struct Rows {
  std::vector<M> items;
  // Key of the last one; empty when there are no more.
  std::string next;
};

// Rows that one page looks at, and up to a batch more.
inline constexpr int kMostLooked = 5000;

// Reads rows in batches from `fetch(after, limit, keys, bodies)` until the page is full of what
// `accept` takes. Keys are opaque to it, and `fetch` answers those behind `after`. Where `accept`
// takes little the page ends short, after kMostLooked rows, and `next` goes on from there.
template <typename M>
absl::StatusOr<Rows<M>> ReadRows(
    const Page& page,
    const std::function<void(const std::string& after, int limit, std::vector<std::string>& keys,
                             std::vector<std::string>& bodies)>& fetch,
    const std::function<bool(const M&)>& accept) {
  Rows<M> rows;
  std::string after = page.after;
  for (int looked = 0;;) {
    const int limit = std::max(page.size + 1, 100);
    std::vector<std::string> keys(limit), bodies(limit);
    fetch(after, limit, keys, bodies);
    for (size_t i = 0; i < bodies.size(); ++i) {
      ASSIGN_OR_RETURN(M message, Unpacked<M>(bodies[i]));
      if (accept(message)) {
        if (static_cast<int>(rows.items.size()) == page.size) {
          rows.next = after;
          return rows;
        }
        rows.items.push_back(std::move(message));
      }
      after = keys[i];
    }
    if (static_cast<int>(bodies.size()) < limit) return rows;
    looked += limit;
    if (looked >= kMostLooked) {
      rows.next = after;
      return rows;
    }
  }
}

// Runs `body` unless the caller sent this request_id before, within 24 h: then answers what it was
// answered then. REQUEST_ID_REUSED when the request was another one. `method` and `request` tell
// requests apart. An empty request_id is never remembered.
absl::Status Once(Change& change, const std::string& request_id, const std::string& method,
                  const google::protobuf::Message& request, google::protobuf::Message& response,
                  const std::function<absl::Status()>& body);

// Whether the caller sent this request_id before, and what it was answered then. For what must be
// looked up elsewhere before Once.
absl::StatusOr<bool> IsReplay(Store& store, const Actor& actor, const std::string& request_id,
                              const std::string& method, const google::protobuf::Message& request,
                              google::protobuf::Message& response);

// Forgets request_ids that are too old to be replayed.
void DropOldRequests(Change& change);

// A short etag of a message.
std::string EtagOf(const google::protobuf::Message& message);

// ETAG_MISMATCH when the client sent an etag and it is not the current one.
absl::Status CheckEtag(const std::string& sent, const std::string& current,
                       const std::string& resource);

}  // namespace stackyard::stacks
