#include "services/quota/quota_change_service.h"

#include "common/grpc_status.h"

namespace stackyard::quota {

grpc::Status QuotaChangeRpc::ApplyQuotaChange(grpc::ServerContext*,
                                              const internal::v1::ApplyQuotaChangeRequest* request,
                                              internal::v1::ApplyQuotaChangeResponse* response) {
  return Answer(changes_.Apply(*request), response);
}

}  // namespace stackyard::quota
