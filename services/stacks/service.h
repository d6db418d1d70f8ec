// The stacks service put together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/mail.h"
#include "common/mutual_tls.h"
#include "common/server.h"
#include "common/tracing.h"
#include "services/stacks/courier.h"
#include "services/stacks/reconciler.h"
#include "services/stacks/run_queue.h"
#include "services/stacks/state_retention.h"

namespace stackyard::stacks {

struct Options {
  ServerOptions server;
  TracingOptions tracing;
  // For its listener and the connection to quota; without files they are plain.
  MutualTls mtls;
  // Folder of the database and the blobs, where no other place is given for them.
  std::string data = ".";
  // Blobs: a folder, or `s3://…` as common/blob_place.h says; empty: `blobs` in `data`.
  std::string blobs;
  // Contents of documents, the same; empty: `documents` in `data`.
  std::string documents;
  // How long caches may answer for a public document.
  absl::Duration document_max_age = absl::Minutes(1);
  // `sqlite:PATH` or `postgresql://…`; empty: SQLite in `data`.
  std::string database;
  // How long a start waits for it.
  absl::Duration database_wait = absl::ZeroDuration();
  // Keys that states and secrets are sealed with; empty: `seal.key` in `data`.
  std::string seal_key_file;
  std::string quota_target = "127.0.0.1:7302";
  RunQueueOptions queue;
  // Of the log of a run, in MiB.
  int run_log_mib = 64;
  // Of answers of GetStack that are kept in memory, in MiB.
  int read_cache_mib = 64;
  // File of the catalogue's policy, see catalog_policy.h; empty: the default.
  std::string catalog_policy;
  ReconcilerOptions reconciler;
  RetentionOptions retention;
  // Time between two looks at the database for gauges.
  absl::Duration metrics_interval = absl::Seconds(15);
  // Threads that do the steps with quota.
  int saga_threads = 4;
  // Threads that deliver to channels and send mail.
  int notice_threads = 4;
  CourierOptions courier;
  // Networks that webhooks may lead to besides public addresses.
  std::vector<std::string> webhook_networks;
  MailServer mail;
  // File with `user:password` for the mail server; empty: no login.
  std::string mail_login_file;
  // How long notices stay in inboxes.
  absl::Duration notice_retention = absl::Hours(24 * 90);
  // All of this, as Introspection tells it.
  std::vector<FlagSetting> settings;

  void AddFlags(Flags& flags);
};

// Serves until SIGTERM. Answers the exit code.
absl::StatusOr<int> Serve(const Options& options);

}  // namespace stackyard::stacks
