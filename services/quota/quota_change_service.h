// Quota changes over gRPC, for the stacks service alone.
#pragma once

#include "services/quota/quota_changes.h"
#include "stackyard/internal/v1/quota_changes.grpc.pb.h"

namespace stackyard::quota {

class QuotaChangeRpc final : public internal::v1::QuotaChangeService::Service {
 public:
  // Must outlive the service.
  explicit QuotaChangeRpc(QuotaChanges& changes) : changes_(changes) {}

  grpc::Status ApplyQuotaChange(grpc::ServerContext* context,
                                const internal::v1::ApplyQuotaChangeRequest* request,
                                internal::v1::ApplyQuotaChangeResponse* response) override;

 private:
  QuotaChanges& changes_;
};

}  // namespace stackyard::quota
