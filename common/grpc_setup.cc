#include "common/grpc_setup.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "absl/synchronization/mutex.h"
#include "common/grpc_log.h"
#include "grpc/health/v1/health.pb.h"

namespace stackyard {

void SetUpGrpc() {
  static const bool done = [] {
#ifdef NDEBUG
    // Debian's abseil looks for lock cycles at every lock, those of gRPC included.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
    LogWhatGrpcSays();
    // Reflection over health works only when its descriptor is linked in.
    grpc::health::v1::HealthCheckRequest::descriptor();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  (void)done;
}

}  // namespace stackyard
