// What the front is told by flags.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/flags.h"

namespace stackyard::gateway {

struct FrontOptions {
  // 0: as many as there are processors.
  int threads = 0;
  // PEM files; both empty: no TLS.
  std::string tls_cert;
  std::string tls_key;
  int max_connections = 10'000;
  int max_connections_per_address = 1'000;
  int max_streams_per_connection = 10'000;
  // At most 65,536, which is what HTTP/2 blocks are read up to.
  int max_header_bytes = 32 << 10;
  int max_open_calls = 20'000;
  int max_open_calls_per_user = 5'000;
  // Of messages that must be whole before they go on, all together.
  int max_held_mib = 256;
  // PINGs, SETTINGS, calls that are taken back at once and the like.
  int max_control_frames = 1'000;
  absl::Duration handshake_timeout = absl::Seconds(10);
  absl::Duration idle_timeout = absl::Minutes(15);
  absl::Duration stall_timeout = absl::Seconds(60);
  // Zero: for ever.
  absl::Duration max_connection_age = absl::ZeroDuration();
  absl::Duration max_connection_age_grace = absl::Minutes(5);
  absl::Duration keepalive = absl::Seconds(60);
  // Any client may have its calls recorded, not those of this machine alone.
  bool trace_trust_clients = false;

  void AddFlags(Flags& flags);
  // INVALID_ARGUMENT that names the flag.
  absl::Status Check() const;
};

}  // namespace stackyard::gateway
