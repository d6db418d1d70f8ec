// The ledger: who holds how much of what, and whether somebody may hold more.
#pragma once

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "services/quota/capacity.h"
#include "services/quota/fields.h"
#include "services/quota/model.h"
#include "services/quota/store.h"
#include "stackyard/internal/v1/reservations.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

// All methods are safe to call from any thread and, over one database, from any process. A
// change is durable when it is answered; a failed call changes nothing.
class Ledger {
 public:
  // Both must outlive the ledger.
  Ledger(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Holds amounts for a window, all metrics and levels or nothing. Only instants from now on are
  // looked at: nobody can use more in the past. A refusal is not remembered, so the same request
  // may succeed later; a success is, and is answered again even when the reservation has moved
  // on. Errors: INVALID_FIELD, QUOTA_EXCEEDED, REQUEST_ID_REUSED, WRONG_STATE (what it supersedes
  // is not COMMITTED, or another PENDING reservation supersedes it already).
  absl::StatusOr<v1::Reservation> Reserve(const v1::Reservation& asked);

  // Sets what is really held and releases what is superseded, at once. Always honoured while the
  // reservation was not released by a caller, because what it counts exists: amounts beyond what
  // admission vouched for set over_reserved, and after the time to commit ran out admission
  // vouches for nothing. Errors: INVALID_FIELD, RESOURCE_NOT_FOUND, WRONG_STATE.
  absl::StatusOr<v1::Reservation> Commit(const internal::v1::CommitRequest& request);

  // Gives everything back; changes nothing when that was done before. Errors: INVALID_FIELD,
  // RESOURCE_NOT_FOUND.
  absl::StatusOr<v1::Reservation> Release(const internal::v1::ReleaseRequest& request);

  // What is held now, by name, committed ones whose window is over included. Errors:
  // INVALID_FIELD.
  absl::StatusOr<internal::v1::ListHeldResponse> ListHeld(
      const internal::v1::ListHeldRequest& request);

  // What Reserve would say, in one answer for all metrics and levels. Errors: INVALID_FIELD.
  absl::StatusOr<v1::CheckFitResponse> CheckFit(const v1::CheckFitRequest& request);

  // Errors: INVALID_FIELD, RESOURCE_NOT_FOUND.
  absl::StatusOr<v1::Reservation> Get(const v1::GetReservationRequest& request);
  absl::StatusOr<v1::ListReservationsResponse> List(const v1::ListReservationsRequest& request,
                                                    const Principal& caller);

  // Marks reservations whose time to commit ran out. Only tidies up: they count for nothing from
  // that instant on whether this runs or not. Answers how many it marked.
  absl::StatusOr<int64_t> MarkExpired();

 private:
  absl::StatusOr<Reservation> Admit(Tx& tx, Reservation asked);

  Store& store_;
  const Clock& clock_;
};

// What is short for `asked` from now on; `old` is what it supersedes, nullptr for none.
v1::CheckFitResponse Fit(const Capacity& capacity, const Reservation& asked, const Reservation* old,
                         absl::Time now);

}  // namespace stackyard::quota
