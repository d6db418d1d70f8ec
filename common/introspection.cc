#include "common/introspection.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/proto_time.h"
#include "common/version.h"

namespace stackyard {

std::string InstanceName() {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "/", getpid());
}

v1::ServiceConfig DescribeConfig(const std::string& service,
                                 const std::vector<FlagSetting>& settings) {
  v1::ServiceConfig config;
  config.set_service(service);
  config.set_instance(InstanceName());
  config.set_version(std::string(kVersion));
  for (const FlagSetting& setting : settings) {
    v1::Setting& shown = *config.add_settings();
    shown.set_flag(setting.flag);
    shown.set_value(setting.value);
    shown.set_source(setting.source);
    shown.set_secret(setting.secret);
    shown.set_set(setting.set);
  }
  return config;
}

Introspection::Introspection(const std::string& service, const std::vector<FlagSetting>& settings,
                             Probes& probes)
    : config_(DescribeConfig(service, settings)), start_time_(absl::Now()), probes_(probes) {}

grpc::Status Introspection::Describe(grpc::ServerContext*,
                                     const internal::v1::DescribeRequest* request,
                                     internal::v1::DescribeResponse* response) {
  *response->mutable_config() = config_;
  if (request->status_only()) response->mutable_config()->clear_settings();
  *response->mutable_start_time() = ToProto(start_time_);
  for (v1::Dependency& dependency : probes_.Ask()) {
    *response->add_dependencies() = std::move(dependency);
  }
  return grpc::Status::OK;
}

}  // namespace stackyard
