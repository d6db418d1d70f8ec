#include "services/quota/ledger.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/status_macros.h"
#include "services/quota/reservation.h"

namespace stackyard::quota {
namespace {

// Calls that wait for their group take no thread, so nothing else bounds them.
constexpr size_t kMostWaiting = 10'000;

// Ends a transaction that has nothing to write. Not an error, and never leaves this file.
absl::Status NothingToWrite() { return absl::CancelledError("nothing to write"); }

// How long something takes.
class Stopwatch {
 public:
  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Gives `start` something to call with the answer, and waits for that.
template <typename T, typename Start>
absl::StatusOr<T> Wait(const Start& start) {
  absl::StatusOr<T> result = absl::UnknownError("not answered");
  absl::Notification answered;
  start([&](absl::StatusOr<T> answer) {
    result = std::move(answer);
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

}  // namespace

Ledger::Ledger(Store& store, const Clock& clock, const LedgerOptions& options, Observer observer)
    : store_(store),
      clock_(clock),
      observer_(std::move(observer)),
      capacities_(options.most_nodes),
      metrics_(std::make_shared<const MetricIds>()),
      turns_(options.most_calls, [this](const Turns<Call>::Group& calls) { Work(calls); }) {}

void Ledger::Work(const Turns<Call>::Group& calls) {
  std::vector<Call*> all;
  for (const auto& call : calls) all.push_back(call.get());
  // What fails in the database because of one call must not fail the others.
  if (!Transact(all) && all.size() > 1) {
    for (Call* call : all) Transact({call});
  }
  for (Call* call : all) call->Finish();
}

bool Ledger::Transact(const std::vector<Call*>& calls) {
  const bool change =
      std::any_of(calls.begin(), calls.end(), [](const Call* call) { return call->MayChange(); });
  using Versions = std::map<MetricKey, int64_t>;
  GroupReport report;
  bool decided = false;
  Stopwatch committing;
  const auto body = [&](Tx& tx) -> absl::StatusOr<Versions> {
    // Of an attempt before this one.
    capacities_.Abandon();
    decided = false;
    absl::StatusOr<Versions> versions = Decide(tx, calls, change, report);
    decided = versions.ok() || versions.status() == NothingToWrite();
    committing = Stopwatch();
    return versions;
  };
  const absl::StatusOr<Versions> done =
      change ? store_.Write<Versions>(body) : store_.Read<Versions>(body);
  const bool nothing = decided && done.status() == NothingToWrite();
  if (done.ok() || nothing) {
    capacities_.Settle(done.ok() ? *done : Versions());
  } else {
    capacities_.Abandon();
    for (Call* call : calls) call->Fail(done.status());
  }
  report.calls = static_cast<int64_t>(calls.size());
  report.committing += committing.Elapsed();
  report.counts = capacities_.counts();
  report.nodes = capacities_.nodes();
  if (observer_) observer_(report);
  // A commit that failed may have been made all the same: it must not be tried again. And a
  // database that is away or busy is so for each call.
  return done.ok() || decided || absl::IsUnavailable(done.status()) ||
         absl::IsAborted(done.status());
}

absl::StatusOr<std::map<MetricKey, int64_t>> Ledger::Decide(Tx& tx, const std::vector<Call*>& calls,
                                                            bool change, GroupReport& report) {
  std::vector<const Need*> needs;
  for (const Call* call : calls) needs.push_back(&call->need());
  Desk desk(tx, capacities_);
  Stopwatch deciding;
  desk.Open(needs, change, [&] {
    deciding = Stopwatch();
    return LaterNow();
  });
  for (Call* call : calls) call->Decide(desk);
  report.deciding = deciding.Elapsed();
  if (!desk.changed()) return NothingToWrite();
  const Stopwatch writing;
  std::map<MetricKey, int64_t> versions = desk.Write();
  report.committing = writing.Elapsed();
  return versions;
}

absl::Time Ledger::LaterNow() {
  last_now_ = std::max(last_now_, Now(clock_));
  return last_now_;
}

absl::StatusOr<std::shared_ptr<const MetricIds>> Ledger::KnownMetrics(
    const google::protobuf::RepeatedPtrField<v1::Amount>& named) {
  std::shared_ptr<const MetricIds> known;
  {
    absl::MutexLock lock(&mutex_);
    known = metrics_;
  }
  // Metrics come and never go.
  const bool all = std::all_of(named.begin(), named.end(), [&](const v1::Amount& amount) {
    return known->count(amount.metric()) > 0;
  });
  if (all) return known;
  ASSIGN_OR_RETURN(MetricIds read, store_.Read<MetricIds>([](Tx& tx) -> absl::StatusOr<MetricIds> {
    return tx.AllMetricIds();
  }));
  known = std::make_shared<const MetricIds>(std::move(read));
  absl::MutexLock lock(&mutex_);
  metrics_ = known;
  return known;
}

absl::Status Ledger::CheckRoom() const {
  if (turns_.waiting() < kMostWaiting) return absl::OkStatus();
  return Error(v1::DEPENDENCY_UNAVAILABLE, "too many calls wait for the database; try again");
}

absl::Status Ledger::Start(const v1::Reservation& asked, Done& done) {
  ASSIGN_OR_RETURN(const auto known, KnownMetrics(asked.amounts()));
  Violations violations;
  Reservation read = ReadReservation(asked, *known, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  RETURN_IF_ERROR(CheckRoom());
  turns_.Give(std::make_unique<ReserveCall>(std::move(read), std::move(done)));
  return absl::OkStatus();
}

absl::Status Ledger::Start(const internal::v1::CommitRequest& request, Done& done) {
  ASSIGN_OR_RETURN(const auto known, KnownMetrics(request.amounts()));
  Violations violations;
  const ReservationName name = ReadReservationName("name", request.name(), violations);
  Amounts amounts = ReadAmounts("amounts", request.amounts(), *known, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  RETURN_IF_ERROR(CheckRoom());
  turns_.Give(std::make_unique<CommitCall>(name, std::move(amounts), std::move(done)));
  return absl::OkStatus();
}

absl::Status Ledger::Start(const internal::v1::ReleaseRequest& request, Done& done) {
  Violations violations;
  const ReservationName name = ReadReservationName("name", request.name(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  RETURN_IF_ERROR(CheckRoom());
  turns_.Give(std::make_unique<ReleaseCall>(name, std::move(done)));
  return absl::OkStatus();
}

void Ledger::Reserve(const v1::Reservation& asked, Done done) {
  const absl::Status refused = Start(asked, done);
  if (!refused.ok()) done(refused);
}

void Ledger::Commit(const internal::v1::CommitRequest& request, Done done) {
  const absl::Status refused = Start(request, done);
  if (!refused.ok()) done(refused);
}

void Ledger::Release(const internal::v1::ReleaseRequest& request, Done done) {
  const absl::Status refused = Start(request, done);
  if (!refused.ok()) done(refused);
}

absl::StatusOr<v1::Reservation> Ledger::Reserve(const v1::Reservation& asked) {
  return Wait<v1::Reservation>([&](Done done) { Reserve(asked, std::move(done)); });
}

absl::StatusOr<v1::Reservation> Ledger::Commit(const internal::v1::CommitRequest& request) {
  return Wait<v1::Reservation>([&](Done done) { Commit(request, std::move(done)); });
}

absl::StatusOr<v1::Reservation> Ledger::Release(const internal::v1::ReleaseRequest& request) {
  return Wait<v1::Reservation>([&](Done done) { Release(request, std::move(done)); });
}

absl::StatusOr<internal::v1::ListHeldResponse> Ledger::ListHeld(
    const internal::v1::ListHeldRequest& request) {
  Violations violations;
  std::string after;
  if (!request.after().empty()) {
    const ReservationName name = ReadReservationName("after", request.after(), violations);
    after = absl::StrCat(name.project, "/", name.id);
  }
  if (request.page_size() < 0) violations.Add("page_size", "must be 0 or more");
  RETURN_IF_ERROR(violations.ToStatus());
  constexpr int kMost = 1000;
  const int size = request.page_size() == 0 ? kMost : std::min<int>(request.page_size(), kMost);
  const absl::Time now = clock_.TimeNow();
  return store_.Read<internal::v1::ListHeldResponse>([&](Tx& tx) {
    internal::v1::ListHeldResponse answer;
    for (const Reservation& reservation : tx.ListHeld(now, after, size)) {
      *answer.add_reservations() = ToProto(reservation, now);
    }
    return answer;
  });
}

absl::StatusOr<v1::CheckFitResponse> Ledger::CheckFit(const v1::CheckFitRequest& request) {
  ASSIGN_OR_RETURN(const auto known, KnownMetrics(request.amounts()));
  const absl::Time now = Now(clock_);
  Violations faults;
  Reservation asked;
  asked.name.project = ReadProject("parent", request.parent(), faults);
  asked.reserved = ReadAmounts("amounts", request.amounts(), *known, faults);
  asked.user = request.user();
  if (!asked.user.empty() && !IsUserId(asked.user)) faults.Add("user", kUserIdRule);
  asked.window.start = ReadTime(
      "start_time", request.has_start_time() ? &request.start_time() : nullptr, now, faults);
  if (!request.has_end_time()) faults.Add("end_time", "is required");
  asked.window.end = ReadTime("end_time", &request.end_time(), now, faults);
  if (request.has_end_time() && asked.window.end <= std::max(asked.window.start, now)) {
    faults.Add("end_time", "must be after start_time and in the future");
  }
  ReservationName supersedes;
  if (!request.supersedes().empty()) {
    supersedes = ReadReservationName("supersedes", request.supersedes(), faults);
  }
  RETURN_IF_ERROR(CheckRoom());
  return Wait<v1::CheckFitResponse>([&](FitCall::Done done) {
    turns_.Give(std::make_unique<FitCall>(std::move(asked), std::move(supersedes),
                                          std::move(faults), std::move(done)));
  });
}

absl::StatusOr<v1::Reservation> Ledger::Get(const v1::GetReservationRequest& request) {
  Violations violations;
  const ReservationName name = ReadReservationName("name", request.name(), violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return store_.Read<v1::Reservation>([&](Tx& tx) -> absl::StatusOr<v1::Reservation> {
    const std::optional<Reservation> found = tx.FindReservation(name);
    if (!found) return NotFound(request.name());
    return ToProto(*found, clock_.TimeNow());
  });
}

absl::StatusOr<v1::ListReservationsResponse> Ledger::List(
    const v1::ListReservationsRequest& request, const Principal& caller) {
  ASSIGN_OR_RETURN(const ListQuestion question, ReadList(request, caller));
  return store_.Read<v1::ListReservationsResponse>([&](Tx& tx) {
    std::vector<Reservation> rows = tx.ListReservations(question.listing);
    v1::ListReservationsResponse answer;
    answer.set_next_page_token(question.Cut(rows));
    for (const Reservation& row : rows) {
      *answer.add_reservations() = ToProto(row, clock_.TimeNow());
    }
    return answer;
  });
}

absl::StatusOr<int64_t> Ledger::MarkExpired() {
  return store_.Write<int64_t>(
      [&](Tx& tx) -> absl::StatusOr<int64_t> { return tx.MarkExpired(clock_.TimeNow()); });
}

}  // namespace stackyard::quota
