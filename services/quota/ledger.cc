#include "services/quota/ledger.h"

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

void AddMetrics(const Amounts& amounts, MetricIds& metrics) { metrics.merge(MetricsOf(amounts)); }

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

std::optional<Span> Replaced(const Reservation* old, const Level& level) {
  if (old == nullptr || (!level.user.empty() && old->user != level.user)) return std::nullopt;
  return Span{old->window, AmountOf(old->amounts, level.metric)};
}

}  // namespace

v1::CheckFitResponse Fit(const Capacity& capacity, const Reservation& asked, const Reservation* old,
                         absl::Time now) {
  v1::CheckFitResponse answer;
  Window window = asked.window;
  window.start = std::max(window.start, now);
  const std::string_view except = old == nullptr ? "" : std::string_view(old->name.id);
  for (const auto& [metric, amount] : asked.reserved) {
    std::vector<Level> levels = {{metric, ""}};
    if (!asked.user.empty()) levels.push_back({metric, asked.user});
    for (const Level& level : levels) {
      const std::optional<Timeline> others = capacity.Others(level, window.start, except);
      if (!others) continue;
      const auto shortage = Check(*others, {window, amount, Replaced(old, level)});
      if (shortage) *answer.add_shortfalls() = ToProto(level, amount, *shortage);
    }
  }
  answer.set_fits(answer.shortfalls().empty());
  return answer;
}

absl::StatusOr<v1::Reservation> Ledger::Reserve(const v1::Reservation& asked) {
  return store_.Write<v1::Reservation>([&](Tx& tx) -> absl::StatusOr<v1::Reservation> {
    Violations violations;
    Reservation read = ReadReservation(asked, tx.AllMetricIds(), violations);
    RETURN_IF_ERROR(violations.ToStatus());
    ASSIGN_OR_RETURN(const Reservation made, Admit(tx, std::move(read)));
    return FirstAnswer(made);
  });
}

absl::StatusOr<Reservation> Ledger::Admit(Tx& tx, Reservation asked) {
  // Reservations are locked before metrics, newer ones before those that they supersede.
  const ReservationName old_name{asked.name.project, asked.supersedes};
  MetricIds metrics = MetricsOf(asked.reserved);
  std::optional<Reservation> old;
  if (!asked.supersedes.empty()) {
    tx.LockReservation(old_name);
    old = tx.FindReservation(old_name);
    if (old) AddMetrics(old->amounts, metrics);
  }
  tx.Lock(asked.name.project, metrics);
  // Asked only now: whoever decided before us took an earlier time.
  const absl::Time now = Now(clock_);

  const auto replay = [&](const Reservation& first) -> absl::StatusOr<Reservation> {
    if (first.fingerprint == asked.fingerprint) return first;
    return Error(v1::REQUEST_ID_REUSED,
                 absl::StrCat(asked.name.ToString(), " was made with other content"));
  };
  if (const auto first = tx.FindReservation(asked.name)) return replay(*first);
  RETURN_IF_ERROR(CheckTimes(asked, now));
  if (!asked.supersedes.empty()) {
    if (!old) {
      return InvalidField("reservation.supersedes",
                          absl::StrCat(old_name.ToString(), " does not exist"));
    }
    if (old->state != ReservationState::kCommitted) {
      return Error(v1::WRONG_STATE, absl::StrCat(old_name.ToString(), " is not COMMITTED"));
    }
    // Two of them would each count only beyond the old one, and together more than that.
    if (const std::string other = tx.PendingSuccessor(old_name, now); !other.empty()) {
      return Error(v1::WRONG_STATE, absl::StrCat(old_name.ToString(), " is being superseded by ",
                                                 other, " already"));
    }
  }

  const BookCapacity capacity(tx.ReadBook(asked.name.project, now, now));
  const v1::CheckFitResponse fit = Fit(capacity, asked, old ? &*old : nullptr, now);
  if (!fit.fits()) return QuotaExceeded(asked.name.project, asked.user, fit);

  asked.create_time = now;
  asked.update_time = now;
  if (tx.InsertReservation(asked)) return asked;
  // Somebody took the name meanwhile, for metrics that we did not wait for.
  const auto first = tx.FindReservation(asked.name);
  if (!first) return absl::AbortedError("the reservation appeared and disappeared");
  return replay(*first);
}

absl::StatusOr<v1::Reservation> Ledger::Commit(const internal::v1::CommitRequest& request) {
  return store_.Write<v1::Reservation>([&](Tx& tx) -> absl::StatusOr<v1::Reservation> {
    Violations violations;
    const ReservationName name = ReadReservationName("name", request.name(), violations);
    const Amounts amounts =
        ReadAmounts("amounts", request.amounts(), tx.AllMetricIds(), violations);
    RETURN_IF_ERROR(violations.ToStatus());

    tx.LockReservation(name);
    std::optional<Reservation> found = tx.FindReservation(name);
    if (!found) return NotFound(request.name());
    MetricIds metrics = MetricsOf(found->amounts);
    AddMetrics(amounts, metrics);
    std::optional<Reservation> old;
    if (!found->supersedes.empty() && found->state != ReservationState::kCommitted) {
      const ReservationName old_name{name.project, found->supersedes};
      tx.LockReservation(old_name);
      old = tx.FindReservation(old_name);
      if (old) AddMetrics(old->amounts, metrics);
    }
    tx.Lock(name.project, metrics);
    const absl::Time now = Now(clock_);

    if (found->state == ReservationState::kReleased && !found->expired) {
      return Error(v1::WRONG_STATE, absl::StrCat(request.name(), " is RELEASED"));
    }
    if (!found->HeldAt(now)) found->expired = true;
    const Reservation before = *found;
    SetAmounts(amounts, *found);
    found->state = ReservationState::kCommitted;
    if (before.state == ReservationState::kCommitted && before.amounts == found->amounts) {
      return ToProto(before, now);
    }
    found->update_time = now;
    tx.UpdateReservation(*found);
    if (old && old->state == ReservationState::kCommitted) {
      old->state = ReservationState::kReleased;
      old->update_time = now;
      tx.UpdateReservation(*old);
    }
    return ToProto(*found, now);
  });
}

absl::StatusOr<v1::Reservation> Ledger::Release(const internal::v1::ReleaseRequest& request) {
  return store_.Write<v1::Reservation>([&](Tx& tx) -> absl::StatusOr<v1::Reservation> {
    Violations violations;
    const ReservationName name = ReadReservationName("name", request.name(), violations);
    RETURN_IF_ERROR(violations.ToStatus());
    tx.LockReservation(name);
    std::optional<Reservation> found = tx.FindReservation(name);
    if (!found) return NotFound(request.name());
    tx.Lock(name.project, MetricsOf(found->amounts));
    const absl::Time now = Now(clock_);
    const bool final = found->state == ReservationState::kReleased && !found->expired;
    if (final) return ToProto(*found, now);
    // One that expired was given back then; now it can no longer be committed either.
    found->update_time = found->HeldAt(now) ? now : found->expire_time;
    found->state = ReservationState::kReleased;
    found->expired = false;
    tx.UpdateReservation(*found);
    return ToProto(*found, now);
  });
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
  const absl::Time now = Now(clock_);
  return store_.Read<v1::CheckFitResponse>([&](Tx& tx) -> absl::StatusOr<v1::CheckFitResponse> {
    Violations violations;
    Reservation asked;
    asked.name.project = ReadProject("parent", request.parent(), violations);
    asked.reserved = ReadAmounts("amounts", request.amounts(), tx.AllMetricIds(), violations);
    asked.user = request.user();
    if (!asked.user.empty() && !IsUserId(asked.user)) violations.Add("user", kUserIdRule);
    asked.window.start = ReadTime(
        "start_time", request.has_start_time() ? &request.start_time() : nullptr, now, violations);
    if (!request.has_end_time()) violations.Add("end_time", "is required");
    asked.window.end = ReadTime("end_time", &request.end_time(), now, violations);
    if (request.has_end_time() && asked.window.end <= std::max(asked.window.start, now)) {
      violations.Add("end_time", "must be after start_time and in the future");
    }
    std::optional<Reservation> old;
    if (!request.supersedes().empty()) {
      const ReservationName name =
          ReadReservationName("supersedes", request.supersedes(), violations);
      old = tx.FindReservation(name);
      if (name.project != asked.name.project) {
        violations.Add("supersedes", "must be in the same project");
      } else if (!old || old->state != ReservationState::kCommitted) {
        violations.Add("supersedes", "must be a COMMITTED reservation");
      }
    }
    RETURN_IF_ERROR(violations.ToStatus());
    const BookCapacity capacity(tx.ReadBook(asked.name.project, now, now));
    return Fit(capacity, asked, old ? &*old : nullptr, now);
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
