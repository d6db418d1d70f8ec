#include "services/quota/book.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace stackyard::quota {
namespace {

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

bool CountsOn(const Reservation& reservation, const Level& level) {
  return level.user.empty() || reservation.user == level.user;
}

}  // namespace

BookCapacity::BookCapacity(Book book) : book_(std::move(book)) {
  for (const Reservation& reservation : book_.held) by_id_[reservation.name.id] = &reservation;
}

std::optional<int64_t> BookCapacity::PermanentLimit(const Level& level) const {
  if (const auto own = book_.limits.find(level); own != book_.limits.end()) return own->second;
  if (level.user.empty()) {
    const auto metric = book_.metrics.find(level.metric);
    return metric == book_.metrics.end() ? 0 : metric->second.default_limit;
  }
  const auto each = book_.limits.find({level.metric, std::string(kEachUser)});
  if (each != book_.limits.end()) return each->second;
  return std::nullopt;
}

std::vector<Span> BookCapacity::SpansOf(const Reservation& reservation, const Level& level) const {
  const int64_t amount = AmountOf(reservation.amounts, level.metric);
  if (amount == 0 || !CountsOn(reservation, level)) return {};
  const Window& window = reservation.window;
  if (reservation.state != ReservationState::kPending || reservation.supersedes.empty()) {
    return {{window, amount}};
  }
  const auto old = by_id_.find(reservation.supersedes);
  if (old == by_id_.end() || !CountsOn(*old->second, level)) return {{window, amount}};
  const int64_t beyond =
      std::max<int64_t>(0, amount - AmountOf(old->second->amounts, level.metric));
  // Before, during and after the old one's window; empty stretches end before they start.
  const Window& shared = old->second->window;
  return {{{window.start, std::min(window.end, shared.start)}, amount},
          {{std::max(window.start, shared.start), std::min(window.end, shared.end)}, beyond},
          {{std::max(window.start, shared.end), window.end}, amount}};
}

std::vector<Span> BookCapacity::GrantsOf(const Level& level) const {
  std::vector<Span> spans;
  for (const Grant& grant : book_.grants) {
    if (grant.level == level) spans.push_back(grant.span);
  }
  return spans;
}

Level BookCapacity::Shown(const Level& level) const {
  return PermanentLimit(level) ? level : Level{level.metric, ""};
}

Timeline BookCapacity::Series(const Level& level, absl::Time from) const {
  const Level shown = Shown(level);
  std::vector<Span> holds;
  for (const Reservation& reservation : book_.held) {
    const std::vector<Span> spans = SpansOf(reservation, level);
    holds.insert(holds.end(), spans.begin(), spans.end());
  }
  return Timeline(from, PermanentLimit(shown).value_or(0), GrantsOf(shown), holds);
}

UsageAt BookCapacity::At(const Level& level, absl::Time now) const {
  const Level shown = Shown(level);
  UsageAt usage;
  usage.limit =
      Timeline(now, PermanentLimit(shown).value_or(0), GrantsOf(shown), {}).steps().front().limit;
  for (const Reservation& reservation : book_.held) {
    int64_t& sum =
        reservation.state == ReservationState::kPending ? usage.pending : usage.committed;
    for (const Span& span : SpansOf(reservation, level)) {
      if (span.window.Contains(now)) sum = SaturatingAdd(sum, span.amount);
    }
  }
  return usage;
}

std::vector<std::string> BookCapacity::UsersOf(const std::string& metric, absl::Time now) const {
  std::set<std::string> users;
  for (const auto& [level, value] : book_.limits) {
    if (level.metric == metric) users.insert(level.user);
  }
  for (const Reservation& reservation : book_.held) {
    if (reservation.window.Contains(now) && AmountOf(reservation.amounts, metric) > 0) {
      users.insert(reservation.user);
    }
  }
  users.erase("");
  users.erase(std::string(kEachUser));
  return {users.begin(), users.end()};
}

}  // namespace stackyard::quota
