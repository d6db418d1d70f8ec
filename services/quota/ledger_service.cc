#include "services/quota/ledger_service.h"

#include "common/grpc_status.h"

namespace stackyard::quota {

using grpc::ServerContext;

grpc::Status LedgerRpc::Reserve(ServerContext*, const internal::v1::ReserveRequest* request,
                                v1::Reservation* response) {
  return Answer(
      metrics_.Observe("Reserve", [&] { return ledger_.Reserve(request->reservation()); }),
      response);
}

grpc::Status LedgerRpc::Commit(ServerContext*, const internal::v1::CommitRequest* request,
                               v1::Reservation* response) {
  const auto committed = metrics_.Observe("Commit", [&] { return ledger_.Commit(*request); });
  if (committed.ok() && committed->over_reserved()) metrics_.CountOverReserved();
  return Answer(committed, response);
}

grpc::Status LedgerRpc::Release(ServerContext*, const internal::v1::ReleaseRequest* request,
                                v1::Reservation* response) {
  return Answer(metrics_.Observe("Release", [&] { return ledger_.Release(*request); }), response);
}

grpc::Status LedgerRpc::ListHeld(ServerContext*, const internal::v1::ListHeldRequest* request,
                                 internal::v1::ListHeldResponse* response) {
  return Answer(metrics_.Observe("ListHeld", [&] { return ledger_.ListHeld(*request); }), response);
}

grpc::Status LedgerRpc::CheckFit(ServerContext*, const v1::CheckFitRequest* request,
                                 v1::CheckFitResponse* response) {
  return Answer(metrics_.Observe("CheckFit", [&] { return ledger_.CheckFit(*request); }), response);
}

}  // namespace stackyard::quota
