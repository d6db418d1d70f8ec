// What the gateway reads from a call's metadata, and what it passes on.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <map>
#include <string>
#include <string_view>

#include "common/principal.h"

namespace stackyard::gateway {

struct CallHeaders {
  // Value of `authorization`; empty when there is none, or more than one.
  std::string authorization;
  // What the client sent, or a new one when it sent none, or one that is no printable ASCII of at
  // most 128 characters.
  std::string request_id;
  // W3C trace context; a new one when the client sent none that is well formed.
  std::string traceparent;
  std::string tracestate;
  // Whom proxies say that they speak for: all values of x-forwarded-for in order, joined by commas;
  // empty when there is none, or more than 1 KiB.
  std::string forwarded_for;

  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;
  static CallHeaders Read(const Metadata& metadata);

  // Sets all that a backend gets. Nothing of the client's passes but what is named here; above all
  // no token, and no `x-stackyard-`.
  void PassOn(const Principal& principal, grpc::ClientContext& context) const;
};

// Copies what clients may see of a backend's initial or trailing metadata.
template <typename Add>
void CopyToClient(const CallHeaders::Metadata& metadata, Add add) {
  for (const std::string_view key :
       {"retry-after", "grpc-retry-pushback-ms", "etag", "cache-control", "last-modified"}) {
    const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
    if (found == metadata.end()) continue;
    add(std::string(key), std::string(found->second.data(), found->second.size()));
  }
}

}  // namespace stackyard::gateway
