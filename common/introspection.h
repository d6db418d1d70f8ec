// What every service of the mesh tells of itself.
#pragma once

#include <string>
#include <vector>

#include "common/flags.h"
#include "common/probes.h"
#include "stackyard/internal/v1/introspection.grpc.pb.h"

namespace stackyard {

// Host and process, `stacks-7d9f/12`.
std::string InstanceName();

// The settings as the API tells them.
v1::ServiceConfig DescribeConfig(const std::string& service,
                                 const std::vector<FlagSetting>& settings);

class Introspection final : public internal::v1::IntrospectionService::Service {
 public:
  // `probes` must outlive it.
  Introspection(const std::string& service, const std::vector<FlagSetting>& settings,
                Probes& probes);

  grpc::Status Describe(grpc::ServerContext* context, const internal::v1::DescribeRequest* request,
                        internal::v1::DescribeResponse* response) override;

 private:
  const v1::ServiceConfig config_;
  const absl::Time start_time_;
  Probes& probes_;
};

}  // namespace stackyard
