#include "services/gateway/front_options.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace stackyard::gateway {

void FrontOptions::AddFlags(Flags& flags) {
  flags.Add("threads", &threads, "Threads that serve connections; 0: one for each processor");
  flags.Add("tls-cert", &tls_cert,
            "PEM file with the certificate chain of the public port; empty: no TLS. It is read "
            "again when it changes");
  flags.Add("tls-key", &tls_key, "PEM file with the private key of --tls-cert");
  flags.Add("max-connections", &max_connections, "Connections that may be open");
  flags.Add("max-connections-per-address", &max_connections_per_address,
            "Connections that may be open from one address");
  flags.Add("max-streams-per-connection", &max_streams_per_connection,
            "Calls that may be open on one connection");
  flags.Add("max-header-bytes", &max_header_bytes,
            "Bytes of a call's headers, 32 for each counted on top; at most 65536");
  flags.Add("max-open-calls", &max_open_calls,
            "Calls that may be open; those beyond are told to come back");
  flags.Add("max-open-calls-per-user", &max_open_calls_per_user,
            "Calls of one user that may be open, watches included");
  flags.Add(
      "max-held-mib", &max_held_mib,
      "MiB of messages, of all calls, that are held until they are whole; a message is 64 MiB "
      "at most");
  flags.Add("max-control-frames", &max_control_frames,
            "HTTP/2 frames that carry no call, and calls taken back at once, that a connection may "
            "send in one go before it is closed; a tenth of it is given back each second");
  flags.Add("handshake-timeout", &handshake_timeout,
            "How long a new connection may take until it speaks HTTP/2");
  flags.Add("idle-timeout", &idle_timeout, "After that, a connection without calls is closed");
  flags.Add("stall-timeout", &stall_timeout,
            "How long the rest of a request, or the reader of a single answer, may be waited for");
  flags.Add("max-connection-age", &max_connection_age,
            "After that, clients are asked to connect again, so that new replicas get their share; "
            "0: never");
  flags.Add("max-connection-age-grace", &max_connection_age_grace,
            "How long calls may go on after --max-connection-age");
  flags.Add("keepalive", &keepalive,
            "After that without a word from the client, it is asked whether it is still there");
  flags.Add(
      "trace-trust-clients", &trace_trust_clients,
      "Whether any client's traceparent says if its call is recorded; else the REST sidecar's, "
      "and others' of this machine, alone does, and --trace-ratio for the rest");
}

absl::Status FrontOptions::Check() const {
  const std::array<std::pair<const char*, int>, 8> counts = {
      {{"max-connections", max_connections},
       {"max-connections-per-address", max_connections_per_address},
       {"max-streams-per-connection", max_streams_per_connection},
       {"max-header-bytes", max_header_bytes},
       {"max-open-calls", max_open_calls},
       {"max-open-calls-per-user", max_open_calls_per_user},
       {"max-held-mib", max_held_mib},
       {"max-control-frames", max_control_frames}}};
  for (const auto& [flag, count] : counts) {
    if (count < 1) return absl::InvalidArgumentError(absl::StrCat("--", flag, " must be over 0"));
  }
  if (max_header_bytes > 65'536) {
    return absl::InvalidArgumentError("--max-header-bytes must be at most 65536");
  }
  if (threads < 0 || threads > 1024) {
    return absl::InvalidArgumentError("--threads must be 0 to 1024");
  }
  const std::array<std::pair<const char*, absl::Duration>, 4> times = {
      {{"handshake-timeout", handshake_timeout},
       {"idle-timeout", idle_timeout},
       {"stall-timeout", stall_timeout},
       {"keepalive", keepalive}}};
  for (const auto& [flag, time] : times) {
    if (time <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, " must be over 0"));
    }
  }
  if (max_connection_age < absl::ZeroDuration() ||
      max_connection_age_grace < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--max-connection-age and its grace must not be negative");
  }
  if (tls_cert.empty() != tls_key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together");
  }
  return absl::OkStatus();
}

}  // namespace stackyard::gateway
