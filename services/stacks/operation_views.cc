#include "services/stacks/operation_views.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/change_request_store.h"
#include "services/stacks/flow.h"
#include "services/stacks/listing.h"
#include "services/stacks/reviews.h"
#include "services/stacks/run_views.h"

namespace stackyard::stacks {
namespace {

using google::longrunning::Operation;

// Those of the catalogue are for whoever may read templates, which is everybody.
bool Visible(const Principal& caller, const OperationRecord& record) {
  return record.project().empty() || MaySee(caller, record.project());
}

}  // namespace

absl::StatusOr<OperationRecord> OperationViews::Find(const Principal& caller,
                                                     const std::string& name) {
  RETURN_IF_ERROR(ParseName("name", name, "operations/*").status());
  ASSIGN_OR_RETURN(OperationRecord record,
                   store_.ReadValue<OperationRecord>(
                       [&](soci::session& sql) { return FindOperation(sql, name); }));
  if (!Visible(caller, record)) return NotFound(name);
  return record;
}

absl::StatusOr<Operation> OperationViews::Get(const Principal& caller, const std::string& name) {
  ASSIGN_OR_RETURN(const OperationRecord record, Find(caller, name));
  return Show(record);
}

absl::StatusOr<v1::ListOperationsResponse> OperationViews::List(
    const Principal& caller, const v1::ListOperationsRequest& request) {
  ASSIGN_OR_RETURN(const Listing listing, ReadListing<Operation>(request, caller.user()));
  return store_.ReadValue<v1::ListOperationsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListOperationsResponse> {
        ASSIGN_OR_RETURN(
            auto rows, ListOperations(sql, listing.page, [&](const OperationRecord& record) {
              return Visible(caller, record) && listing.filter.Matches(record.operation());
            }));
        v1::ListOperationsResponse response;
        for (const OperationRecord& record : rows.items) {
          *response.add_operations() = Show(record);
        }
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<Operation> OperationViews::Wait(const Principal& caller,
                                               const v1::WaitOperationRequest& request,
                                               const std::function<bool()>& gone) {
  absl::Duration timeout = request.has_timeout() ? FromProto(request.timeout()) : absl::Seconds(30);
  if (timeout < absl::ZeroDuration()) return InvalidField("timeout", "must not be negative");
  timeout = std::min(timeout, absl::Minutes(5));
  Notifier& changed = store_.signals().resources;
  // Real time: a wait is about the connection, not about the domain.
  const absl::Time deadline = absl::Now() + timeout;
  for (;;) {
    const int64_t seen = changed.Count();
    ASSIGN_OR_RETURN(const OperationRecord record, Find(caller, request.name()));
    const absl::Duration left = deadline - absl::Now();
    if (record.operation().done() || left <= absl::ZeroDuration() || changed.closed() || gone()) {
      return Show(record);
    }
    changed.Wait(seen, std::min(left, absl::Milliseconds(500)));
  }
}

absl::StatusOr<Operation> OperationViews::Cancel(const Principal& caller,
                                                 const v1::CancelOperationRequest& request) {
  ASSIGN_OR_RETURN(const OperationRecord before, Find(caller, request.name()));
  if (before.metadata().creator() != caller.user() && !HasRole(caller, "admin")) {
    return Error(v1::PERMISSION_MISSING, "only who asked for an operation cancels it",
                 {{"resource", request.name()}});
  }
  return store_.WriteValue<Operation>(
      ActorOf(caller), [&](Change& change) -> absl::StatusOr<Operation> {
        ASSIGN_OR_RETURN(OperationRecord record, FindOperation(change.sql, request.name()));
        if (record.operation().done()) {
          return Error(v1::WRONG_STATE, absl::StrCat(request.name(), " is done"),
                       {{"resource", request.name()}});
        }
        const OperationMetadata& metadata = record.metadata();
        if (metadata.stage() == OperationMetadata::AWAITING_APPROVAL) {
          RETURN_IF_ERROR(WithdrawRequest(change, metadata.change_request(),
                                          absl::StrCat("cancelled by ", caller.user())));
        } else {
          const auto run = RunName::Parse("run", metadata.run());
          if (!run.ok() || metadata.stage() == OperationMetadata::RESERVING) {
            return Error(v1::WRONG_STATE,
                         absl::StrCat(request.name(), " cannot be cancelled while it is ",
                                      OperationMetadata::Stage_Name(metadata.stage())),
                         {{"resource", request.name()}});
          }
          RETURN_IF_ERROR(
              CancelRun(change, *run, absl::StrCat("asked by ", caller.user())).status());
        }
        ASSIGN_OR_RETURN(record, FindOperation(change.sql, request.name()));
        return Show(record);
      });
}

}  // namespace stackyard::stacks
