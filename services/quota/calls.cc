#include "services/quota/calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/quota/reservation.h"

namespace stackyard::quota {
namespace {

MetricIds MetricsOf(const Amounts& amounts) {
  MetricIds metrics;
  for (const auto& [metric, amount] : amounts) metrics.insert(metric);
  return metrics;
}

// Sets what is held, and keeps account of what admission has vouched for all along.
void SetAmounts(const Amounts& amounts, Reservation& reservation) {
  for (auto& [metric, held] : reservation.amounts) held = AmountOf(amounts, metric);
  for (const auto& [metric, amount] : amounts) reservation.amounts[metric] = amount;
  reservation.over_reserved = false;
  for (const auto& [metric, held] : reservation.amounts) {
    int64_t& admitted = reservation.admitted[metric];
    if (reservation.expired) admitted = 0;
    admitted = std::min(admitted, held);
    if (held > admitted) reservation.over_reserved = true;
  }
}

}  // namespace

ReserveCall::ReserveCall(Reservation asked, Done done)
    : CallFor({asked.name.project, asked.name.id, asked.supersedes, MetricsOf(asked.reserved)},
              std::move(done)),
      asked_(std::move(asked)) {}

absl::StatusOr<v1::Reservation> ReserveCall::Answer(Desk& desk) {
  ASSIGN_OR_RETURN(const Reservation made, Admit(desk));
  return FirstAnswer(made);
}

absl::StatusOr<Reservation> ReserveCall::Admit(Desk& desk) const {
  if (const Reservation* first = desk.Find(asked_.name)) {
    if (first->fingerprint == asked_.fingerprint) return *first;
    return Error(v1::REQUEST_ID_REUSED,
                 absl::StrCat(asked_.name.ToString(), " was made with other content"));
  }
  RETURN_IF_ERROR(CheckTimes(asked_, desk.now()));
  const Reservation* old = nullptr;
  if (!asked_.supersedes.empty()) {
    const ReservationName old_name{asked_.name.project, asked_.supersedes};
    old = desk.Find(old_name);
    if (old == nullptr) {
      return InvalidField("reservation.supersedes",
                          absl::StrCat(old_name.ToString(), " does not exist"));
    }
    if (old->state != ReservationState::kCommitted) {
      return Error(v1::WRONG_STATE, absl::StrCat(old_name.ToString(), " is not COMMITTED"));
    }
    // Two of them would each count only beyond the old one, and together more than that.
    if (const std::string other = desk.PendingSuccessor(old_name); !other.empty()) {
      return Error(v1::WRONG_STATE, absl::StrCat(old_name.ToString(), " is being superseded by ",
                                                 other, " already"));
    }
  }
  const v1::CheckFitResponse fit = desk.Fit(asked_, old);
  if (!fit.fits()) return QuotaExceeded(asked_.name.project, asked_.user, fit);
  Reservation made = asked_;
  made.create_time = desk.now();
  made.update_time = desk.now();
  desk.Put(made);
  return made;
}

CommitCall::CommitCall(ReservationName name, Amounts amounts, Done done)
    : CallFor({name.project, name.id, "", MetricsOf(amounts)}, std::move(done)),
      name_(std::move(name)),
      amounts_(std::move(amounts)) {}

absl::StatusOr<v1::Reservation> CommitCall::Answer(Desk& desk) {
  const Reservation* before = desk.Find(name_);
  if (before == nullptr) return NotFound(name_.ToString());
  if (before->state == ReservationState::kReleased && !before->expired) {
    return Error(v1::WRONG_STATE, absl::StrCat(name_.ToString(), " is RELEASED"));
  }
  Reservation after = *before;
  if (!after.HeldAt(desk.now())) after.expired = true;
  SetAmounts(amounts_, after);
  after.state = ReservationState::kCommitted;
  const bool was_committed = before->state == ReservationState::kCommitted;
  if (was_committed && before->amounts == after.amounts) return ToProto(*before, desk.now());
  after.update_time = desk.now();
  desk.Put(after);
  if (!was_committed && !after.supersedes.empty()) {
    const Reservation* old = desk.Find({name_.project, after.supersedes});
    if (old != nullptr && old->state == ReservationState::kCommitted) {
      Reservation replaced = *old;
      replaced.state = ReservationState::kReleased;
      replaced.update_time = desk.now();
      desk.Put(replaced);
    }
  }
  return ToProto(after, desk.now());
}

ReleaseCall::ReleaseCall(ReservationName name, Done done)
    : CallFor({name.project, name.id, "", {}}, std::move(done)), name_(std::move(name)) {}

absl::StatusOr<v1::Reservation> ReleaseCall::Answer(Desk& desk) {
  const Reservation* before = desk.Find(name_);
  if (before == nullptr) return NotFound(name_.ToString());
  const bool final = before->state == ReservationState::kReleased && !before->expired;
  if (final) return ToProto(*before, desk.now());
  Reservation after = *before;
  // One that expired was given back then; now it can no longer be committed either.
  after.update_time = before->HeldAt(desk.now()) ? desk.now() : before->expire_time;
  after.state = ReservationState::kReleased;
  after.expired = false;
  desk.Put(after);
  return ToProto(after, desk.now());
}

FitCall::FitCall(Reservation asked, ReservationName supersedes, Violations faults, Done done)
    : CallFor({asked.name.project, "", supersedes.id, MetricsOf(asked.reserved)}, std::move(done)),
      asked_(std::move(asked)),
      supersedes_(std::move(supersedes)),
      faults_(std::move(faults)) {}

absl::StatusOr<v1::CheckFitResponse> FitCall::Answer(Desk& desk) {
  Violations faults = faults_;
  const Reservation* old = nullptr;
  if (!supersedes_.id.empty()) {
    old = desk.Find(supersedes_);
    if (supersedes_.project != asked_.name.project) {
      faults.Add("supersedes", "must be in the same project");
    } else if (old == nullptr || old->state != ReservationState::kCommitted) {
      faults.Add("supersedes", "must be a COMMITTED reservation");
    }
  }
  RETURN_IF_ERROR(faults.ToStatus());
  return desk.Fit(asked_, old);
}

}  // namespace stackyard::quota
