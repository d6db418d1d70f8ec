// The gateway, put together.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>
#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/flags.h"
#include "common/mutual_tls.h"
#include "services/gateway/call_limits.h"

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
  // Empty: `admin-token` in the folder above.
  std::string admin_token_file;
  // All of this, as ListConfigs tells it.
  std::vector<FlagSetting> settings;
  // See OidcProvider; empty: API tokens are the only ones.
  std::string oidc_file;
  LimitOptions limits;

  void AddFlags(Flags& flags);
};

class Gateway {
 public:
  // Opens the database, makes the first administrator where there is none, and connects. `clock`
  // and `registry` must outlive the gateway.
  static absl::StatusOr<std::unique_ptr<Gateway>> Open(const GatewayOptions& options,
                                                       const Clock& clock,
                                                       prometheus::Registry& registry);
  // The server that serves it must be gone.
  ~Gateway();

  // To be served, with the generic service, by one server.
  std::vector<grpc::Service*> services() const;
  grpc::CallbackGenericService* generic() const;
  // For Server::Start: ends streams.
  void Drain();

 private:
  struct Parts;
  explicit Gateway(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace stackyard::gateway
