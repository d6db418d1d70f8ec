// The quota service put together.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/flags.h"
#include "common/mutual_tls.h"
#include "common/server.h"
#include "common/tracing.h"

namespace stackyard::quota {

struct Options {
  ServerOptions server{.service = "quota", .listen = "unix:data/quota.sock"};
  TracingOptions tracing;
  // For its listener; without files it is plain.
  MutualTls mtls;
  // Folder of the database, where no other place is given for it.
  std::string data = "data";
  // `sqlite:PATH` or `postgresql://…`; empty: SQLite in `data`.
  std::string database;
  // How long a start waits for it.
  absl::Duration database_wait = absl::ZeroDuration();
  // Time between two looks at the database for gauges.
  absl::Duration metrics_interval = absl::Seconds(15);
  // Most time series of projects' usage.
  int metrics_series = 5000;
  // All of this, as Introspection tells it.
  std::vector<FlagSetting> settings;

  void AddFlags(Flags& flags);
};

// Serves until SIGTERM. Answers the exit code.
absl::StatusOr<int> Serve(const Options& options);

}  // namespace stackyard::quota
