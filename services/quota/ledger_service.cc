#include "services/quota/ledger_service.h"

#include "common/grpc_status.h"

namespace stackyard::quota {

using grpc::ServerContext;

grpc::Status LedgerRpc::Reserve(ServerContext*, const internal::v1::ReserveRequest* request,
                                v1::Reservation* response) {
  return Answer(ledger_.Reserve(request->reservation()), response);
}

grpc::Status LedgerRpc::Commit(ServerContext*, const internal::v1::CommitRequest* request,
                               v1::Reservation* response) {
  return Answer(ledger_.Commit(*request), response);
}

grpc::Status LedgerRpc::Release(ServerContext*, const internal::v1::ReleaseRequest* request,
                                v1::Reservation* response) {
  return Answer(ledger_.Release(*request), response);
}

grpc::Status LedgerRpc::ListHeld(ServerContext*, const internal::v1::ListHeldRequest* request,
                                 internal::v1::ListHeldResponse* response) {
  return Answer(ledger_.ListHeld(*request), response);
}

}  // namespace stackyard::quota
