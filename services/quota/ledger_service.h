// The ledger over gRPC, for the stacks service alone.
#pragma once

#include "services/quota/ledger.h"
#include "services/quota/ledger_metrics.h"
#include "stackyard/internal/v1/reservations.grpc.pb.h"

namespace stackyard::quota {

// Calls that wait for their group's turn take no thread meanwhile.
class LedgerRpc final : public internal::v1::LedgerService::WithCallbackMethod_Reserve<
                            internal::v1::LedgerService::WithCallbackMethod_Commit<
                                internal::v1::LedgerService::WithCallbackMethod_Release<
                                    internal::v1::LedgerService::Service>>> {
 public:
  // Both must outlive the service.
  LedgerRpc(Ledger& ledger, LedgerMetrics& metrics) : ledger_(ledger), metrics_(metrics) {}

  grpc::ServerUnaryReactor* Reserve(grpc::CallbackServerContext* context,
                                    const internal::v1::ReserveRequest* request,
                                    v1::Reservation* response) override;
  grpc::ServerUnaryReactor* Commit(grpc::CallbackServerContext* context,
                                   const internal::v1::CommitRequest* request,
                                   v1::Reservation* response) override;
  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const internal::v1::ReleaseRequest* request,
                                    v1::Reservation* response) override;
  grpc::Status ListHeld(grpc::ServerContext* context, const internal::v1::ListHeldRequest* request,
                        internal::v1::ListHeldResponse* response) override;
  grpc::Status CheckFit(grpc::ServerContext* context, const v1::CheckFitRequest* request,
                        v1::CheckFitResponse* response) override;

 private:
  Ledger& ledger_;
  LedgerMetrics& metrics_;
};

}  // namespace stackyard::quota
