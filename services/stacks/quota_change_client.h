// The quota service, as approved quota requests see it.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "stackyard/internal/v1/quota_changes.pb.h"

namespace grpc {
class Channel;
}

namespace stackyard::stacks {

class QuotaChangeClient {
 public:
  virtual ~QuotaChangeClient() = default;
  // Once per change request, for ever. INVALID_FIELD when it makes no sense (any more);
  // DEPENDENCY_UNAVAILABLE when quota does not answer.
  virtual absl::StatusOr<internal::v1::ApplyQuotaChangeResponse> Apply(
      const internal::v1::ApplyQuotaChangeRequest& request) = 0;
};

std::unique_ptr<QuotaChangeClient> MakeQuotaChangeClient(std::shared_ptr<grpc::Channel> channel);

}  // namespace stackyard::stacks
