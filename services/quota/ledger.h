// The ledger: who holds how much of what, and whether somebody may hold more.
#pragma once

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "services/quota/calls.h"
#include "services/quota/capacities.h"
#include "services/quota/fields.h"
#include "services/quota/model.h"
#include "services/quota/store.h"
#include "services/quota/turns.h"
#include "stackyard/internal/v1/reservations.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

struct LedgerOptions {
  // Most calls that one transaction decides.
  size_t most_calls = 256;
  // Bounds the memory of what is held over time: about 120 bytes each, and each reservation that
  // has begun takes one for each metric, twice where users are limited.
  size_t most_nodes = 4'000'000;
};

// What one transaction of the ledger did and took.
struct GroupReport {
  int64_t calls = 0;
  absl::Duration deciding;    // From its locks to the last decision, reading included.
  absl::Duration committing;  // Writing and the commit.
  Capacities::Counts counts;
  size_t nodes = 0;
};

// All methods are safe to call from any thread and, over one database, from any process. A
// change is durable when it is answered; a failed call changes nothing. Calls that come together
// are decided one after the other and committed together.
class Ledger {
 public:
  // Gets a report of each transaction, one at a time.
  using Observer = std::function<void(const GroupReport&)>;
  // Gets the answer, before the call returns or on another thread. Must not block.
  using Done = std::function<void(absl::StatusOr<v1::Reservation>)>;

  // Store and clock must outlive the ledger.
  Ledger(Store& store, const Clock& clock, const LedgerOptions& options = {},
         Observer observer = nullptr);

  // Holds amounts for a window, all metrics and levels or nothing. Only instants from now on are
  // looked at: nobody can use more in the past. A refusal is not remembered, so the same request
  // may succeed later; a success is, and is answered again even when the reservation has moved
  // on. Errors: INVALID_FIELD, QUOTA_EXCEEDED, REQUEST_ID_REUSED, WRONG_STATE (what it supersedes
  // is not COMMITTED, or another PENDING reservation supersedes it already).
  void Reserve(const v1::Reservation& asked, Done done);

  // Sets what is really held and releases what is superseded, at once. Always honoured while the
  // reservation was not released by a caller, because what it counts exists: amounts beyond what
  // admission vouched for set over_reserved, and after the time to commit ran out admission
  // vouches for nothing. Errors: INVALID_FIELD, RESOURCE_NOT_FOUND, WRONG_STATE.
  void Commit(const internal::v1::CommitRequest& request, Done done);

  // Gives everything back; changes nothing when that was done before. Errors: INVALID_FIELD,
  // RESOURCE_NOT_FOUND.
  void Release(const internal::v1::ReleaseRequest& request, Done done);

  // The same three, for callers who wait for the answer.
  absl::StatusOr<v1::Reservation> Reserve(const v1::Reservation& asked);
  absl::StatusOr<v1::Reservation> Commit(const internal::v1::CommitRequest& request);
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
  // DEPENDENCY_UNAVAILABLE while more calls wait than can be served in time.
  absl::Status CheckRoom() const;
  absl::Status Start(const v1::Reservation& asked, Done& done);
  absl::Status Start(const internal::v1::CommitRequest& request, Done& done);
  absl::Status Start(const internal::v1::ReleaseRequest& request, Done& done);
  void Work(const Turns<Call>::Group& calls);
  // Decides all or fails all; false when all were failed, nothing was committed, and each alone may
  // do better.
  bool Transact(const std::vector<Call*>& calls);
  // Decides within a transaction, and tells what begins with its commit.
  absl::StatusOr<std::map<MetricKey, int64_t>> Decide(Tx& tx, const std::vector<Call*>& calls,
                                                      bool change, GroupReport& report);
  // The time, never before what an earlier transaction took for it.
  absl::Time LaterNow();
  // The metrics that there are, at least all those that are named.
  absl::StatusOr<std::shared_ptr<const MetricIds>> KnownMetrics(
      const google::protobuf::RepeatedPtrField<v1::Amount>& named);

  Store& store_;
  const Clock& clock_;
  const Observer observer_;
  // Of whoever's turn it is.
  Capacities capacities_;
  absl::Time last_now_ = absl::InfinitePast();
  absl::Mutex mutex_;
  std::shared_ptr<const MetricIds> metrics_ ABSL_GUARDED_BY(mutex_);
  Turns<Call> turns_;
};

}  // namespace stackyard::quota
