// The quota service, as the saga sees it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "stackyard/v1/quota.pb.h"

namespace grpc {
class Channel;
}

namespace stackyard::stacks {

// Every call is idempotent by the reservation's name.
class LedgerClient {
 public:
  virtual ~LedgerClient() = default;
  // QUOTA_EXCEEDED when it does not fit; INVALID_FIELD for an unknown metric;
  // DEPENDENCY_UNAVAILABLE when quota does not answer.
  virtual absl::Status Reserve(const v1::Reservation& reservation) = 0;
  virtual absl::Status Commit(const std::string& name,
                              const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) = 0;
  virtual absl::Status Release(const std::string& name) = 0;
  // Whether it would be admitted; takes nothing. INVALID_FIELD, DEPENDENCY_UNAVAILABLE.
  virtual absl::StatusOr<v1::CheckFitResponse> CheckFit(const v1::CheckFitRequest& request) = 0;
  // All that is PENDING or COMMITTED, over all projects. DEPENDENCY_UNAVAILABLE.
  virtual absl::StatusOr<std::vector<v1::Reservation>> ListHeld() = 0;
};

std::unique_ptr<LedgerClient> MakeLedgerClient(std::shared_ptr<grpc::Channel> channel);

}  // namespace stackyard::stacks
