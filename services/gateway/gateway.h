// The gateway, put together.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/flags.h"
#include "common/mutual_tls.h"
#include "common/server.h"
#include "services/gateway/call_limits.h"
#include "services/gateway/front_options.h"

namespace stackyard::gateway {

struct GatewayOptions {
  // As gRPC writes targets; empty: not configured.
  std::string stacks_target;
  std::string quota_target;
  // For connections to those; without files they are plain.
  MutualTls mtls;
  // Folder for what has no place of its own.
  std::string data = "data";
  // See Database::Open; empty: SQLite in the folder above.
  std::string database;
  // How long a start waits for it.
  absl::Duration database_wait = absl::ZeroDuration();
  // Empty: `admin-token` in the folder above.
  std::string admin_token_file;
  // Holds the token that users/admin gets at the very first start, instead of one that is made and
  // written to the file above; empty: that way.
  std::string first_admin_token_file;
  // All of this, as ListConfigs tells it.
  std::vector<FlagSetting> settings;
  // See OidcProvider; empty: API tokens are the only ones.
  std::string oidc_file;
  LimitOptions limits;
  FrontOptions front;

  void AddFlags(Flags& flags);
};

class Gateway {
 public:
  // Opens the database, makes the first administrator where there is none, and serves. `clock` and
  // `registry` must outlive the gateway.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(const ServerOptions& server,
                                                        const GatewayOptions& options,
                                                        const Clock& clock,
                                                        prometheus::Registry& registry);
  ~Gateway();

  // Address to connect to.
  const std::string& target() const;
  // Where health alone is served; empty: nowhere.
  const std::string& health_target() const;
  // For Prometheus, besides the registry: when its certificate ends. nullptr without mutual TLS.
  std::shared_ptr<prometheus::Collectable> certificate() const;
  // Waits for SIGTERM or SIGINT, then as ServerOptions::drain_delay says, and drains. Answers the
  // exit code.
  int ServeUntilSignal();
  // Drains now: health says NOT_SERVING, streams end, calls that go on end within --drain.
  void Shutdown();

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace stackyard::gateway
