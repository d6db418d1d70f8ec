#include "services/quota/quota_change_service.h"

#include "common/grpc_status.h"
#include "common/handler.h"

namespace stackyard::quota {

grpc::Status QuotaChangeRpc::ApplyQuotaChange(grpc::ServerContext* context,
                                              const internal::v1::ApplyQuotaChangeRequest* request,
                                              internal::v1::ApplyQuotaChangeResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(changes_.Apply(*request), response);
}

}  // namespace stackyard::quota
