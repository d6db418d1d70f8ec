#include "services/quota/quota_service.h"

#include "common/grpc_status.h"
#include "common/principal.h"

namespace stackyard::quota {
namespace {

using grpc::ServerContext;

// Ends a handler: calls `work` with who calls.
template <typename Response, typename Work>
grpc::Status Serve(const ServerContext* context, Response* response, const Work& work) {
  const absl::StatusOr<Principal> caller = CallerOf(*context);
  if (!caller.ok()) return ToGrpc(caller.status());
  return Answer(work(*caller), response);
}

}  // namespace

grpc::Status QuotaRpc::CreateMetric(ServerContext* context, const v1::CreateMetricRequest* request,
                                    v1::Metric* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.CreateMetric(*request, caller); });
}

grpc::Status QuotaRpc::ListMetrics(ServerContext* context, const v1::ListMetricsRequest* request,
                                   v1::ListMetricsResponse* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.ListMetrics(*request); });
}

grpc::Status QuotaRpc::SetQuotaLimit(ServerContext* context,
                                     const v1::SetQuotaLimitRequest* request,
                                     v1::QuotaLimit* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.Set(*request, caller); });
}

grpc::Status QuotaRpc::GetQuotaLimit(ServerContext* context,
                                     const v1::GetQuotaLimitRequest* request,
                                     v1::QuotaLimit* response) {
  return Serve(context, response, [&](const Principal& caller) { return limits_.Get(*request); });
}

grpc::Status QuotaRpc::ListQuotaLimits(ServerContext* context,
                                       const v1::ListQuotaLimitsRequest* request,
                                       v1::ListQuotaLimitsResponse* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.List(*request, caller); });
}

grpc::Status QuotaRpc::DeleteQuotaLimit(ServerContext* context,
                                        const v1::DeleteQuotaLimitRequest* request,
                                        google::protobuf::Empty* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.Delete(*request, caller); });
}

grpc::Status QuotaRpc::CreateQuotaGrant(ServerContext* context,
                                        const v1::CreateQuotaGrantRequest* request,
                                        v1::QuotaGrant* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.CreateGrant(*request, caller); });
}

grpc::Status QuotaRpc::GetQuotaGrant(ServerContext* context,
                                     const v1::GetQuotaGrantRequest* request,
                                     v1::QuotaGrant* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.GetGrant(*request); });
}

grpc::Status QuotaRpc::ListQuotaGrants(ServerContext* context,
                                       const v1::ListQuotaGrantsRequest* request,
                                       v1::ListQuotaGrantsResponse* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.ListGrants(*request, caller); });
}

grpc::Status QuotaRpc::DeleteQuotaGrant(ServerContext* context,
                                        const v1::DeleteQuotaGrantRequest* request,
                                        google::protobuf::Empty* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return limits_.DeleteGrant(*request, caller); });
}

grpc::Status QuotaRpc::GetReservation(ServerContext* context,
                                      const v1::GetReservationRequest* request,
                                      v1::Reservation* response) {
  return Serve(context, response, [&](const Principal& caller) { return ledger_.Get(*request); });
}

grpc::Status QuotaRpc::ListReservations(ServerContext* context,
                                        const v1::ListReservationsRequest* request,
                                        v1::ListReservationsResponse* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return ledger_.List(*request, caller); });
}

grpc::Status QuotaRpc::ListUsage(ServerContext* context, const v1::ListUsageRequest* request,
                                 v1::ListUsageResponse* response) {
  return Serve(context, response, [&](const Principal& caller) { return usage_.List(*request); });
}

grpc::Status QuotaRpc::QueryUsageSeries(ServerContext* context,
                                        const v1::QueryUsageSeriesRequest* request,
                                        v1::QueryUsageSeriesResponse* response) {
  return Serve(context, response, [&](const Principal& caller) { return usage_.Series(*request); });
}

grpc::Status QuotaRpc::CheckFit(ServerContext* context, const v1::CheckFitRequest* request,
                                v1::CheckFitResponse* response) {
  return Serve(context, response,
               [&](const Principal& caller) { return ledger_.CheckFit(*request); });
}

}  // namespace stackyard::quota
