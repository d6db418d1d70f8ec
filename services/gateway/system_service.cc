#include "services/gateway/system_service.h"

#include <algorithm>
#include <list>
#include <utility>

#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/introspection.h"
#include "common/log.h"
#include "common/proto_time.h"

namespace stackyard::gateway {
namespace {

using internal::v1::DescribeRequest;
using internal::v1::DescribeResponse;
using Stub = internal::v1::IntrospectionService::Stub;

// Whoever asks waits no longer; a service asks what it needs for 1.5 s.
constexpr absl::Duration kPatience = absl::Seconds(2);
constexpr absl::Duration kTimeout = absl::Milliseconds(1900);

// A call that is told of a service that is away at once.
void PrepareDescribe(grpc::ClientContext& context) {
  Prepare(context, kTimeout);
  context.set_wait_for_ready(false);
}

absl::StatusOr<Probes::Finding> AskService(Stub& stub) {
  grpc::ClientContext context;
  PrepareDescribe(context);
  DescribeRequest request;
  request.set_status_only(true);
  DescribeResponse answer;
  const absl::Status status = FromGrpc(stub.Describe(&context, request, &answer));
  if (!status.ok()) return status;
  return Probes::Finding{answer.config().version(),
                         answer.config().instance(),
                         {answer.dependencies().begin(), answer.dependencies().end()}};
}

}  // namespace

SystemService::SystemService(const std::vector<FlagSetting>& settings,
                             const std::map<std::string, std::shared_ptr<grpc::Channel>>& peers)
    : config_(DescribeConfig("gateway", settings)), start_time_(absl::Now()), probes_(kPatience) {
  for (const auto& [name, channel] : peers) {
    const std::shared_ptr<Stub> stub = internal::v1::IntrospectionService::NewStub(channel);
    peers_[name] = stub;
    probes_.Add(name, [stub] { return AskService(*stub); });
  }
}

grpc::Status SystemService::GetSystemStatus(grpc::ServerContext*, const v1::GetSystemStatusRequest*,
                                            v1::SystemStatus* response) {
  response->set_version(config_.version());
  response->set_instance(config_.instance());
  *response->mutable_start_time() = ToProto(start_time_);
  for (v1::Dependency& dependency : probes_.Ask()) {
    *response->add_dependencies() = std::move(dependency);
  }
  response->set_ok(std::all_of(response->dependencies().begin(), response->dependencies().end(),
                               [](const v1::Dependency& dependency) { return dependency.ok(); }));
  return grpc::Status::OK;
}

grpc::Status SystemService::ListConfigs(grpc::ServerContext*, const v1::ListConfigsRequest*,
                                        v1::ListConfigsResponse* response) {
  struct Call {
    std::string peer;
    grpc::ClientContext context;
    DescribeRequest request;
    DescribeResponse answer;
    grpc::Status status;
  };
  std::list<Call> calls;
  absl::BlockingCounter open(static_cast<int>(peers_.size()));
  for (const auto& [name, stub] : peers_) {
    Call& call = calls.emplace_back();
    call.peer = name;
    PrepareDescribe(call.context);
    stub->async()->Describe(&call.context, &call.request, &call.answer,
                            [&call, &open](grpc::Status status) {
                              call.status = std::move(status);
                              open.DecrementCount();
                            });
  }
  open.Wait();
  *response->add_configs() = config_;
  for (Call& call : calls) {
    if (call.status.ok()) {
      *response->add_configs() = std::move(*call.answer.mutable_config());
    } else {
      LogWarning("a service does not tell its configuration",
                 {{"peer", call.peer}, {"error", FromGrpc(call.status).ToString()}});
    }
  }
  return grpc::Status::OK;
}

}  // namespace stackyard::gateway
