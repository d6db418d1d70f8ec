#include "services/stacks/ledger_client.h"

#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "stackyard/internal/v1/reservations.grpc.pb.h"

namespace stackyard::stacks {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);

class GrpcLedgerClient final : public LedgerClient {
 public:
  explicit GrpcLedgerClient(std::shared_ptr<grpc::Channel> channel)
      : stub_(internal::v1::LedgerService::NewStub(std::move(channel))) {}

  absl::Status Reserve(const v1::Reservation& reservation) override {
    internal::v1::ReserveRequest request;
    *request.mutable_reservation() = reservation;
    return Call([&](grpc::ClientContext& context, v1::Reservation* response) {
      return stub_->Reserve(&context, request, response);
    });
  }

  absl::Status Commit(const std::string& name,
                      const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) override {
    internal::v1::CommitRequest request;
    request.set_name(name);
    *request.mutable_amounts() = amounts;
    return Call([&](grpc::ClientContext& context, v1::Reservation* response) {
      return stub_->Commit(&context, request, response);
    });
  }

  absl::Status Release(const std::string& name) override {
    internal::v1::ReleaseRequest request;
    request.set_name(name);
    return Call([&](grpc::ClientContext& context, v1::Reservation* response) {
      return stub_->Release(&context, request, response);
    });
  }

  absl::StatusOr<v1::CheckFitResponse> CheckFit(const v1::CheckFitRequest& request) override {
    grpc::ClientContext context;
    Prepare(context, kTimeout);
    v1::CheckFitResponse response;
    RETURN_IF_ERROR(FromGrpc(stub_->CheckFit(&context, request, &response)));
    return response;
  }

  absl::StatusOr<std::vector<v1::Reservation>> ListHeld() override {
    std::vector<v1::Reservation> held;
    internal::v1::ListHeldRequest request;
    for (;;) {
      grpc::ClientContext context;
      Prepare(context, kTimeout);
      internal::v1::ListHeldResponse page;
      RETURN_IF_ERROR(FromGrpc(stub_->ListHeld(&context, request, &page)));
      if (page.reservations().empty()) return held;
      held.insert(held.end(), page.reservations().begin(), page.reservations().end());
      request.set_after(held.back().name());
    }
  }

 private:
  template <typename F>
  absl::Status Call(const F& call) {
    grpc::ClientContext context;
    Prepare(context, kTimeout);
    v1::Reservation response;
    return FromGrpc(call(context, &response));
  }

  std::unique_ptr<internal::v1::LedgerService::Stub> stub_;
};

}  // namespace

std::unique_ptr<LedgerClient> MakeLedgerClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcLedgerClient>(std::move(channel));
}

}  // namespace stackyard::stacks
