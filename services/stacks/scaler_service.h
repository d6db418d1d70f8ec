// The runners' number over KEDA's gRPC contract.
#pragma once

#include "externalscaler/externalscaler.grpc.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/watch_hub.h"

namespace stackyard::stacks {

class ScalerRpc final : public externalscaler::ExternalScaler::WithCallbackMethod_StreamIsActive<
                            externalscaler::ExternalScaler::Service> {
 public:
  ScalerRpc(Store& store, WatchHub& hub) : store_(store), hub_(hub), reads_(hub) {}

  grpc::Status IsActive(grpc::ServerContext* context,
                        const externalscaler::ScaledObjectRef* request,
                        externalscaler::IsActiveResponse* response) override;
  grpc::Status GetMetricSpec(grpc::ServerContext* context,
                             const externalscaler::ScaledObjectRef* request,
                             externalscaler::GetMetricSpecResponse* response) override;
  grpc::Status GetMetrics(grpc::ServerContext* context,
                          const externalscaler::GetMetricsRequest* request,
                          externalscaler::GetMetricsResponse* response) override;
  grpc::ServerWriteReactor<externalscaler::IsActiveResponse>* StreamIsActive(
      grpc::CallbackServerContext* context,
      const externalscaler::ScaledObjectRef* request) override;

 private:
  Store& store_;
  WatchHub& hub_;
  SharedReads<int64_t> reads_;
};

}  // namespace stackyard::stacks
