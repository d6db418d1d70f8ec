// What may be held: metrics, limits and grants.
#pragma once

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "google/protobuf/empty.pb.h"
#include "services/quota/fields.h"
#include "services/quota/store.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

// Errors are those that quota.proto names. A change with a request_id is remembered for 24 h by
// caller and request_id: the same request gets its first answer, another one REQUEST_ID_REUSED.
// Failures are not remembered.
class Limits {
 public:
  // Both must outlive the object.
  Limits(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  absl::StatusOr<v1::Metric> CreateMetric(const v1::CreateMetricRequest& request,
                                          const Principal& caller);
  absl::StatusOr<v1::ListMetricsResponse> ListMetrics(const v1::ListMetricsRequest& request);

  absl::StatusOr<v1::QuotaLimit> Set(const v1::SetQuotaLimitRequest& request,
                                     const Principal& caller);
  absl::StatusOr<v1::QuotaLimit> Get(const v1::GetQuotaLimitRequest& request);
  absl::StatusOr<v1::ListQuotaLimitsResponse> List(const v1::ListQuotaLimitsRequest& request,
                                                   const Principal& caller);
  absl::StatusOr<google::protobuf::Empty> Delete(const v1::DeleteQuotaLimitRequest& request,
                                                 const Principal& caller);

  absl::StatusOr<v1::QuotaGrant> CreateGrant(const v1::CreateQuotaGrantRequest& request,
                                             const Principal& caller);
  absl::StatusOr<v1::QuotaGrant> GetGrant(const v1::GetQuotaGrantRequest& request);
  absl::StatusOr<v1::ListQuotaGrantsResponse> ListGrants(const v1::ListQuotaGrantsRequest& request,
                                                         const Principal& caller);
  absl::StatusOr<google::protobuf::Empty> DeleteGrant(const v1::DeleteQuotaGrantRequest& request,
                                                      const Principal& caller);

 private:
  // Runs `body` in a transaction, once for a request_id.
  template <typename Answer, typename Request>
  absl::StatusOr<Answer> Once(const Request& request, const Principal& caller,
                              const std::function<absl::StatusOr<Answer>(Tx&)>& body);

  Store& store_;
  const Clock& clock_;
};

}  // namespace stackyard::quota
