#include "services/stacks/quota_change_client.h"

#include "common/channel.h"
#include "common/grpc_status.h"
#include "stackyard/internal/v1/quota_changes.grpc.pb.h"

namespace stackyard::stacks {
namespace {

using internal::v1::ApplyQuotaChangeRequest;
using internal::v1::ApplyQuotaChangeResponse;
using internal::v1::QuotaChangeService;

constexpr absl::Duration kTimeout = absl::Seconds(10);

class GrpcQuotaChangeClient final : public QuotaChangeClient {
 public:
  explicit GrpcQuotaChangeClient(std::shared_ptr<grpc::Channel> channel)
      : stub_(QuotaChangeService::NewStub(std::move(channel))) {}

  absl::StatusOr<ApplyQuotaChangeResponse> Apply(const ApplyQuotaChangeRequest& request) override {
    grpc::ClientContext context;
    Prepare(context, kTimeout);
    ApplyQuotaChangeResponse response;
    const absl::Status status = FromGrpc(stub_->ApplyQuotaChange(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

 private:
  std::unique_ptr<QuotaChangeService::Stub> stub_;
};

}  // namespace

std::unique_ptr<QuotaChangeClient> MakeQuotaChangeClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcQuotaChangeClient>(std::move(channel));
}

}  // namespace stackyard::stacks
