#include "services/stacks/scaler_service.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/stacks/queue_store.h"
#include "services/stacks/scaler.h"

namespace stackyard::stacks {
namespace {

using externalscaler::GetMetricSpecResponse;
using externalscaler::GetMetricsRequest;
using externalscaler::GetMetricsResponse;
using externalscaler::IsActiveResponse;
using externalscaler::ScaledObjectRef;

constexpr char kMetric[] = "stackyard_runs";

absl::StatusOr<int> TargetOf(const ScaledObjectRef& asks) {
  return TargetRunsPerRunner({asks.scalermetadata().begin(), asks.scalermetadata().end()});
}

absl::StatusOr<IsActiveResponse> Activity(Store& store, const ScaledObjectRef& asks) {
  RETURN_IF_ERROR(TargetOf(asks).status());
  ASSIGN_OR_RETURN(const int64_t runs, RunsThatWantASlot(store));
  IsActiveResponse response;
  response.set_result(runs > 0);
  return response;
}

absl::StatusOr<GetMetricSpecResponse> Spec(const ScaledObjectRef& asks) {
  ASSIGN_OR_RETURN(const int target, TargetOf(asks));
  GetMetricSpecResponse response;
  auto& spec = *response.add_metricspecs();
  spec.set_metricname(kMetric);
  spec.set_targetsize(target);
  spec.set_targetsizefloat(target);
  return response;
}

absl::StatusOr<GetMetricsResponse> Values(Store& store, const GetMetricsRequest& request) {
  RETURN_IF_ERROR(TargetOf(request.scaledobjectref()).status());
  if (request.metricname() != kMetric) {
    return InvalidField("metricName", absl::StrCat("must be ", kMetric));
  }
  ASSIGN_OR_RETURN(const int64_t runs, RunsThatWantASlot(store));
  GetMetricsResponse response;
  auto& value = *response.add_metricvalues();
  value.set_metricname(kMetric);
  value.set_metricvalue(runs);
  value.set_metricvaluefloat(static_cast<double>(runs));
  return response;
}

}  // namespace

grpc::Status ScalerRpc::IsActive(grpc::ServerContext* context, const ScaledObjectRef* request,
                                 IsActiveResponse* response) {
  return Answer(Activity(store_, *request), response);
}

grpc::Status ScalerRpc::GetMetricSpec(grpc::ServerContext* context, const ScaledObjectRef* request,
                                      GetMetricSpecResponse* response) {
  return Answer(Spec(*request), response);
}

grpc::Status ScalerRpc::GetMetrics(grpc::ServerContext* context, const GetMetricsRequest* request,
                                   GetMetricsResponse* response) {
  return Answer(Values(store_, *request), response);
}

grpc::ServerWriteReactor<IsActiveResponse>* ScalerRpc::StreamIsActive(
    grpc::CallbackServerContext* context, const ScaledObjectRef* request) {
  if (const auto target = TargetOf(*request); !target.ok()) {
    return Refuse<IsActiveResponse>(target.status());
  }
  return new WatchStream<IsActiveResponse>(
      hub_, kQueueTopic,
      [this, told = std::optional<bool>()]() mutable -> absl::StatusOr<News<IsActiveResponse>> {
        ASSIGN_OR_RETURN(const int64_t runs,
                         reads_.Read(kQueueTopic, [this] { return RunsThatWantASlot(store_); }));
        News<IsActiveResponse> news;
        const bool active = runs > 0;
        if (told != active) news.messages.emplace_back().set_result(active);
        told = active;
        return news;
      });
}

}  // namespace stackyard::stacks
