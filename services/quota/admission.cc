#include "services/quota/admission.h"

#include <algorithm>
#include <limits>

namespace stackyard::quota {
namespace {

// Where the wish would go beyond the limit.
class Refusals {
 public:
  Refusals(const CapacityTree& others, int64_t limit, const Ask& ask)
      : others_(others), bound_(absl::int128(limit) - ask.amount) {
    if (ask.replaces && ask.replaces->amount >= ask.amount) covered_ = ask.replaces->window;
  }

  // First instant from `time` on that refuses; nullopt: none.
  std::optional<absl::Time> FirstFrom(absl::Time time) const {
    const auto found = others_.FirstAbove(time, bound_);
    if (!found || !Covers(*found)) return found;
    return others_.FirstAbove(covered_->end, bound_);
  }
  // First instant behind `refused` that does not; nullopt: none.
  std::optional<absl::Time> EndOf(absl::Time refused) const {
    const auto found = others_.FirstWithin(refused, bound_);
    const bool covered_first = covered_ && covered_->start < covered_->end &&
                               covered_->start > refused && (!found || covered_->start < *found);
    return covered_first ? covered_->start : found;
  }
  // First instant of the window that lies furthest beyond the limit; the window has one that does.
  absl::Time TightestOf(const Window& window) const {
    if (!covered_) return TightestIn(window);
    const Window before = {window.start, std::min(window.end, covered_->start)};
    const Window behind = {std::max(window.start, covered_->end), window.end};
    if (before.end <= before.start) return TightestIn(behind);
    if (behind.end <= behind.start) return TightestIn(before);
    return TightestIn(others_.MostTaken(behind) > others_.MostTaken(before) ? behind : before);
  }

 private:
  bool Covers(absl::Time time) const { return covered_ && covered_->Contains(time); }
  absl::Time TightestIn(const Window& window) const {
    return others_.FirstAbove(window.start, others_.MostTaken(window) - 1).value_or(window.start);
  }

  const CapacityTree& others_;
  // More than this taken by others is too much.
  const absl::int128 bound_;
  // When what is replaced holds as much already.
  std::optional<Window> covered_;
};

}  // namespace

int64_t Saturate(absl::int128 value) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return value > kMost ? kMost : static_cast<int64_t>(value);
}

std::optional<Shortage> Check(const CapacityTree& others, int64_t limit, const Ask& ask) {
  if (ask.amount <= 0) return std::nullopt;
  const Refusals refusals(others, limit, ask);
  std::optional<absl::Time> refused = refusals.FirstFrom(ask.window.start);
  if (!refused || *refused >= ask.window.end) return std::nullopt;

  Shortage shortage;
  shortage.at = refusals.TightestOf(ask.window);
  const CapacityTree::Value value = others.At(shortage.at);
  shortage.used = Saturate(value.used);
  shortage.limit = Saturate(value.granted + limit);
  // A window that touches a refusing instant can only fit behind it.
  while (refused) {
    shortage.fits_from = refusals.EndOf(*refused);
    if (!shortage.fits_from) break;
    refused = refusals.FirstFrom(*shortage.fits_from);
    if (refused && *refused >= *shortage.fits_from + ask.window.length()) break;
  }
  return shortage;
}

}  // namespace stackyard::quota
