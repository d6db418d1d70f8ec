// The mesh about itself.
#pragma once

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/flags.h"
#include "common/probes.h"
#include "stackyard/internal/v1/introspection.grpc.pb.h"
#include "stackyard/v1/system.grpc.pb.h"

namespace stackyard::gateway {

class SystemService final : public v1::SystemService::Service {
 public:
  // `peers` are the services that the gateway calls, by name. Checks added to `probes` before the
  // first call are told of as the gateway's own dependencies.
  SystemService(const std::vector<FlagSetting>& settings,
                const std::map<std::string, std::shared_ptr<grpc::Channel>>& peers);

  // For the gateway's own dependencies.
  Probes& probes() { return probes_; }

  // Anybody may ask, as often as they like: the services behind are asked once a second.
  grpc::Status GetSystemStatus(grpc::ServerContext* context,
                               const v1::GetSystemStatusRequest* request,
                               v1::SystemStatus* response) override;
  grpc::Status ListConfigs(grpc::ServerContext* context, const v1::ListConfigsRequest* request,
                           v1::ListConfigsResponse* response) override;

 private:
  using Stub = internal::v1::IntrospectionService::Stub;

  const v1::ServiceConfig config_;
  const absl::Time start_time_;
  std::map<std::string, std::shared_ptr<Stub>> peers_;
  Probes probes_;
};

}  // namespace stackyard::gateway
