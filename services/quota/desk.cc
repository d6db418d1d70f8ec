#include "services/quota/desk.h"

#include <algorithm>

#include "services/quota/reservation.h"

namespace stackyard::quota {
namespace {

// What a reservation holds of a metric.
Holding HoldingOf(const Reservation& reservation, const std::string& metric) {
  return {reservation.user, {reservation.window, AmountOf(reservation.amounts, metric)}};
}

}  // namespace

void Desk::Read(const std::set<ReservationName>& names, bool lock) {
  for (Reservation& reservation : tx_.FindReservations(names, lock)) {
    const ReservationName name = reservation.name;
    rows_.emplace(name, Row{std::move(reservation)});
  }
}

void Desk::Open(const std::vector<const Need*>& needs, bool change,
                const std::function<absl::Time()>& clock) {
  std::set<std::string> projects;
  std::set<ReservationName> names, superseded;
  for (const Need* need : needs) {
    projects.insert(need->project);
    if (!need->reservation.empty()) names.insert({need->project, need->reservation});
    if (!need->supersedes.empty()) superseded.insert({need->project, need->supersedes});
  }
  if (change) tx_.LockProjects(projects);
  names.insert(superseded.begin(), superseded.end());
  Read(names, change);

  std::set<ReservationName> more;
  for (const auto& [name, row] : rows_) {
    const ReservationName old{name.project, row.reservation.supersedes};
    if (!old.id.empty() && names.count(old) == 0) more.insert(old);
  }
  for (const ReservationName& name : tx_.FindSuccessors(superseded)) {
    if (names.count(name) == 0) more.insert(name);
  }
  Read(more, change);
  for (const auto& [name, row] : rows_) {
    const std::string& old = row.reservation.supersedes;
    if (!old.empty()) successors_[{name.project, old}].insert(name.id);
  }

  std::set<MetricKey> metrics;
  for (const Need* need : needs) {
    for (const std::string& metric : need->metrics) metrics.insert({need->project, metric});
  }
  for (const auto& [name, row] : rows_) {
    for (const auto& [metric, amount] : row.reservation.amounts) {
      metrics.insert({name.project, metric});
    }
  }
  versions_ = tx_.Versions(metrics);
  now_ = clock();
  for (const auto& [metric, version] : versions_) capacities_.Follow(tx_, metric, version, now_);
}

const Reservation* Desk::Find(const ReservationName& name) const {
  const auto found = rows_.find(name);
  return found == rows_.end() ? nullptr : &found->second.reservation;
}

std::string Desk::PendingSuccessor(const ReservationName& name) const {
  const auto found = successors_.find(name);
  if (found == successors_.end()) return "";
  for (const std::string& id : found->second) {
    const Reservation* successor = Find({name.project, id});
    if (successor->state == ReservationState::kPending && successor->HeldAt(now_)) return id;
  }
  return "";
}

v1::CheckFitResponse Desk::Fit(const Reservation& asked, const Reservation* old) {
  v1::CheckFitResponse answer;
  Window window = asked.window;
  window.start = std::max(window.start, now_);
  std::vector<std::string> users = {""};
  if (!asked.user.empty()) users.push_back(asked.user);
  for (const auto& [metric, amount] : asked.reserved) {
    MetricCapacity& capacity = capacities_.Of({asked.name.project, metric});
    std::optional<Holding> replaced;
    if (old != nullptr) replaced = HoldingOf(*old, metric);
    for (const std::string& user : users) {
      const auto shortage = capacity.Short(user, window, amount, replaced ? &*replaced : nullptr);
      if (shortage) *answer.add_shortfalls() = ToProto({metric, user}, amount, *shortage);
    }
  }
  answer.set_fits(answer.shortfalls().empty());
  return answer;
}

void Desk::Put(const Reservation& reservation) {
  const auto [found, fresh] = rows_.emplace(reservation.name, Row{reservation, Fate::kInsert});
  Row& row = found->second;
  if (fresh) {
    Log(nullptr, reservation);
    if (!reservation.supersedes.empty()) {
      successors_[{reservation.name.project, reservation.supersedes}].insert(reservation.name.id);
    }
  } else {
    Log(&row.reservation, reservation);
    row.reservation = reservation;
    if (row.fate == Fate::kKeep) row.fate = Fate::kUpdate;
  }
  unwritten_.insert(reservation.name);
}

void Desk::Log(const Reservation* before, const Reservation& after) {
  const bool was_committed = before != nullptr && before->state == ReservationState::kCommitted;
  Amounts metrics = after.amounts;
  if (before != nullptr) metrics.insert(before->amounts.begin(), before->amounts.end());
  const Reservation* old = Find({after.name.project, after.supersedes});
  for (const auto& [metric, unused] : metrics) {
    Change change;
    change.id = after.name.id;
    change.state = after.state;
    change.holding = HoldingOf(after, metric);
    if (after.state == ReservationState::kReleased) change.holding.span.amount = 0;
    if (was_committed) change.committed_before = AmountOf(before->amounts, metric);
    if (after.state == ReservationState::kPending) {
      change.expire_time = after.expire_time;
      change.supersedes = after.supersedes;
      if (old != nullptr) change.old = HoldingOf(*old, metric);
    }
    const MetricKey key{after.name.project, metric};
    capacities_.Of(key).Apply(change);
    AppendLine(change, changes_[key]);
  }
}

std::map<MetricKey, int64_t> Desk::Write() {
  std::vector<const Reservation*> made, changed;
  for (const ReservationName& name : unwritten_) {
    const Row& row = rows_.at(name);
    (row.fate == Fate::kInsert ? made : changed).push_back(&row.reservation);
  }
  tx_.InsertReservations(made);
  tx_.UpdateReservations(changed);
  std::map<MetricKey, int64_t> next;
  for (const auto& [metric, lines] : changes_) next[metric] = versions_.at(metric) + 1;
  tx_.PutVersions(next, changes_);
  return next;
}

}  // namespace stackyard::quota
