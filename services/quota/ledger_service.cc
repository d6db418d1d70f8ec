#include "services/quota/ledger_service.h"

#include "common/grpc_status.h"
#include "common/handler.h"

namespace stackyard::quota {

namespace {

using grpc::CallbackServerContext;
using grpc::ServerContext;
using grpc::ServerUnaryReactor;

// Ends a call with an answer of the ledger.
Ledger::Done FinishOf(ServerUnaryReactor* reactor, v1::Reservation* response) {
  return [reactor, response](const absl::StatusOr<v1::Reservation>& result) {
    reactor->Finish(Answer(result, response));
  };
}

}  // namespace

ServerUnaryReactor* LedgerRpc::Reserve(CallbackServerContext* context,
                                       const internal::v1::ReserveRequest* request,
                                       v1::Reservation* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  ledger_.Reserve(request->reservation(),
                  metrics_.Observed("Reserve", FinishOf(reactor, response)));
  return reactor;
}

ServerUnaryReactor* LedgerRpc::Commit(CallbackServerContext* context,
                                      const internal::v1::CommitRequest* request,
                                      v1::Reservation* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  ledger_.Commit(*request, metrics_.Observed("Commit", FinishOf(reactor, response)));
  return reactor;
}

ServerUnaryReactor* LedgerRpc::Release(CallbackServerContext* context,
                                       const internal::v1::ReleaseRequest* request,
                                       v1::Reservation* response) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  ledger_.Release(*request, metrics_.Observed("Release", FinishOf(reactor, response)));
  return reactor;
}

grpc::Status LedgerRpc::ListHeld(ServerContext* context,
                                 const internal::v1::ListHeldRequest* request,
                                 internal::v1::ListHeldResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(metrics_.Observe("ListHeld", [&] { return ledger_.ListHeld(*request); }), response);
}

grpc::Status LedgerRpc::CheckFit(ServerContext* context, const v1::CheckFitRequest* request,
                                 v1::CheckFitResponse* response) {
  const RequestScope scope = TraceOf(*context);
  return Answer(metrics_.Observe("CheckFit", [&] { return ledger_.CheckFit(*request); }), response);
}

}  // namespace stackyard::quota
