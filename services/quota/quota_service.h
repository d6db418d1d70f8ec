// The public API over gRPC. Calls come through the gateway, which has checked that the caller may
// make them.
#pragma once

#include "services/quota/ledger.h"
#include "services/quota/limits.h"
#include "services/quota/usage.h"
#include "stackyard/v1/quota.grpc.pb.h"

namespace stackyard::quota {

class QuotaRpc final : public v1::QuotaService::Service {
 public:
  // All must outlive the service.
  QuotaRpc(Limits& limits, Ledger& ledger, UsageReport& usage)
      : limits_(limits), ledger_(ledger), usage_(usage) {}

  grpc::Status CreateMetric(grpc::ServerContext* context, const v1::CreateMetricRequest* request,
                            v1::Metric* response) override;
  grpc::Status ListMetrics(grpc::ServerContext* context, const v1::ListMetricsRequest* request,
                           v1::ListMetricsResponse* response) override;
  grpc::Status SetQuotaLimit(grpc::ServerContext* context, const v1::SetQuotaLimitRequest* request,
                             v1::QuotaLimit* response) override;
  grpc::Status GetQuotaLimit(grpc::ServerContext* context, const v1::GetQuotaLimitRequest* request,
                             v1::QuotaLimit* response) override;
  grpc::Status ListQuotaLimits(grpc::ServerContext* context,
                               const v1::ListQuotaLimitsRequest* request,
                               v1::ListQuotaLimitsResponse* response) override;
  grpc::Status DeleteQuotaLimit(grpc::ServerContext* context,
                                const v1::DeleteQuotaLimitRequest* request,
                                google::protobuf::Empty* response) override;
  grpc::Status CreateQuotaGrant(grpc::ServerContext* context,
                                const v1::CreateQuotaGrantRequest* request,
                                v1::QuotaGrant* response) override;
  grpc::Status GetQuotaGrant(grpc::ServerContext* context, const v1::GetQuotaGrantRequest* request,
                             v1::QuotaGrant* response) override;
  grpc::Status ListQuotaGrants(grpc::ServerContext* context,
                               const v1::ListQuotaGrantsRequest* request,
                               v1::ListQuotaGrantsResponse* response) override;
  grpc::Status DeleteQuotaGrant(grpc::ServerContext* context,
                                const v1::DeleteQuotaGrantRequest* request,
                                google::protobuf::Empty* response) override;
  grpc::Status GetReservation(grpc::ServerContext* context,
                              const v1::GetReservationRequest* request,
                              v1::Reservation* response) override;
  grpc::Status ListReservations(grpc::ServerContext* context,
                                const v1::ListReservationsRequest* request,
                                v1::ListReservationsResponse* response) override;
  grpc::Status ListUsage(grpc::ServerContext* context, const v1::ListUsageRequest* request,
                         v1::ListUsageResponse* response) override;
  grpc::Status QueryUsageSeries(grpc::ServerContext* context,
                                const v1::QueryUsageSeriesRequest* request,
                                v1::QueryUsageSeriesResponse* response) override;
  grpc::Status CheckFit(grpc::ServerContext* context, const v1::CheckFitRequest* request,
                        v1::CheckFitResponse* response) override;

 private:
  Limits& limits_;
  Ledger& ledger_;
  UsageReport& usage_;
};

}  // namespace stackyard::quota
